/** Mobile push: refused by name, for there is nobody here to push to. */
import { allNotImplemented, type OperationsOf } from "../../service.ts";
import type { Client } from "../parts.ts";

type ApplicationOperations = Pick<
  OperationsOf<Client>,
  | "CreatePlatformApplication"
  | "CreatePlatformEndpoint"
  | "DeleteEndpoint"
  | "DeletePlatformApplication"
  | "GetEndpointAttributes"
  | "GetPlatformApplicationAttributes"
  | "ListEndpointsByPlatformApplication"
  | "ListPlatformApplications"
  | "SetEndpointAttributes"
  | "SetPlatformApplicationAttributes"
>;

export const applicationOperations: ApplicationOperations = allNotImplemented(
  "mobile push is not there yet",
  [
    "CreatePlatformApplication",
    "CreatePlatformEndpoint",
    "DeleteEndpoint",
    "DeletePlatformApplication",
    "GetEndpointAttributes",
    "GetPlatformApplicationAttributes",
    "ListEndpointsByPlatformApplication",
    "ListPlatformApplications",
    "SetEndpointAttributes",
    "SetPlatformApplicationAttributes",
  ],
);
