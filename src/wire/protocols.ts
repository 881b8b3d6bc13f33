/** The list of protocols that lambdad speaks. */
import { awsJson1_0, awsJson1_1 } from "./aws-json.ts";
import { awsQuery, ec2Query } from "./aws-query.ts";
import { amzCbor, rpcv2Cbor } from "./cbor-rpc.ts";
import type { ProtocolId } from "./model.ts";
import type { Protocol } from "./protocol.ts";
import { restJson1 } from "./rest-json.ts";
import { restXml } from "./rest-xml.ts";

const protocols: Readonly<Record<ProtocolId, Protocol>> = {
  restJson1,
  restXml,
  awsJson1_0,
  awsJson1_1,
  awsQuery,
  ec2Query,
  rpcv2Cbor,
  amzCbor,
};

export function protocolById(id: ProtocolId): Protocol {
  return protocols[id];
}
