/** The types of Lambda's operations, once for the whole folder. Types only: nothing of the SDK is there at run time. */
import type * as Client from "@aws-sdk/client-lambda";
import type { InputFor, OperationsOf, OutputFor } from "../service.ts";

export type Lambda = typeof Client;
export type LambdaOperations = OperationsOf<Lambda>;
export type Input<Name extends string> = InputFor<Lambda, Name>;
export type Output<Name extends string> = OutputFor<Lambda, Name>;
