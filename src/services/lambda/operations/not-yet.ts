/** Operations of Lambda that are refused by name: what is missing, in one clause. The parity table reads it. */
import { notImplemented } from "../../service.ts";

const durable = notImplemented("durable functions are not there yet");
const instances = notImplemented("Managed Instances are not there yet");

export const notYet = {
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
  /** What cannot be made is in no list. */
  ListCapacityProviders: async () => ({ CapacityProviders: [] }),
  UpdateCapacityProvider: instances,
  DeleteCapacityProvider: instances,
  ListFunctionVersionsByCapacityProvider: instances,
  PutFunctionScalingConfig: instances,
  GetFunctionScalingConfig: instances,
};
