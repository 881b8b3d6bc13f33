/** What lambdad does not have of EventBridge. */
import { allNotImplemented } from "../../service.ts";

export const refusedOperations = {
  ...allNotImplemented("there are no partners that send events", [
    "ActivateEventSource",
    "CreatePartnerEventSource",
    "DeactivateEventSource",
    "DeletePartnerEventSource",
    "DescribeEventSource",
    "DescribePartnerEventSource",
    "ListEventSources",
    "ListPartnerEventSourceAccounts",
    "ListPartnerEventSources",
    "PutPartnerEvents",
  ]),
  ...allNotImplemented("global endpoints fail over between regions, of which there is one machine", [
    "CreateEndpoint",
    "DeleteEndpoint",
    "DescribeEndpoint",
    "ListEndpoints",
    "UpdateEndpoint",
  ]),
};
