/** Operations of Lambda that are refused by name: what is missing, in one clause. The parity table reads it. */
import { notImplemented } from "../../service.ts";

const async = notImplemented("asynchronous invocation is not there yet");
const urls = notImplemented("function URLs are not there yet");
const layers = notImplemented("layers are not there yet");
const policies = notImplemented("whole resource policies are not there yet; AddPermission works");
const provisioned = notImplemented("provisioned concurrency is not there yet");
const recursion = notImplemented("recursion detection is not there yet");
const signing = notImplemented("code signing is not there yet");
const mappings = notImplemented("event source mappings are not there yet");
const durable = notImplemented("durable functions are not there yet");
const instances = notImplemented("Managed Instances are not there yet");

export const notYet = {
  InvokeAsync: async,
  PutFunctionEventInvokeConfig: async,
  UpdateFunctionEventInvokeConfig: async,
  DeleteFunctionEventInvokeConfig: async,

  CreateFunctionUrlConfig: urls,
  UpdateFunctionUrlConfig: urls,
  DeleteFunctionUrlConfig: urls,

  PublishLayerVersion: layers,
  GetLayerVersion: layers,
  GetLayerVersionByArn: layers,
  DeleteLayerVersion: layers,
  AddLayerVersionPermission: layers,
  RemoveLayerVersionPermission: layers,
  GetLayerVersionPolicy: layers,

  PutResourcePolicy: policies,
  GetResourcePolicy: policies,
  DeleteResourcePolicy: policies,

  PutProvisionedConcurrencyConfig: provisioned,
  DeleteProvisionedConcurrencyConfig: provisioned,

  PutFunctionRecursionConfig: recursion,

  CreateCodeSigningConfig: signing,
  GetCodeSigningConfig: signing,
  UpdateCodeSigningConfig: signing,
  DeleteCodeSigningConfig: signing,
  ListFunctionsByCodeSigningConfig: signing,
  PutFunctionCodeSigningConfig: signing,
  DeleteFunctionCodeSigningConfig: signing,

  CreateEventSourceMapping: mappings,
  UpdateEventSourceMapping: mappings,
  DeleteEventSourceMapping: mappings,

  CheckpointDurableExecution: durable,
  GetDurableExecution: durable,
  GetDurableExecutionHistory: durable,
  GetDurableExecutionState: durable,
  ListDurableExecutionsByFunction: durable,
  StopDurableExecution: durable,
  SendDurableExecutionCallbackSuccess: durable,
  SendDurableExecutionCallbackFailure: durable,
  SendDurableExecutionCallbackHeartbeat: durable,

  CreateCapacityProvider: instances,
  GetCapacityProvider: instances,
  UpdateCapacityProvider: instances,
  DeleteCapacityProvider: instances,
  ListFunctionVersionsByCapacityProvider: instances,
  PutFunctionScalingConfig: instances,
  GetFunctionScalingConfig: instances,
};
