/**
 * Smithy's vectors that a server does not pass, each with its reason. They were made to test clients: some cannot be
 * inverted, some show one of several forms that a client must bear. A case that passes may not stand here.
 */
const reasons: readonly (readonly [reason: string, keys: readonly string[]])[] = [
  [
    "the vector gives what is to be compressed, but no body to read",
    [
      "input/ec2#SDKAppendsGzipAndIgnoresHttpProvidedEncoding_ec2Query",
      "input/ec2#SDKAppliedContentEncoding_ec2Query",
      "input/json#SDKAppendsGzipAndIgnoresHttpProvidedEncoding_awsJson1_1",
      "input/json#SDKAppliedContentEncoding_awsJson1_1",
      "input/json_1_0#SDKAppendsGzipAndIgnoresHttpProvidedEncoding_awsJson1_0",
      "input/json_1_0#SDKAppliedContentEncoding_awsJson1_0",
      "input/query#SDKAppendsGzipAndIgnoresHttpProvidedEncoding_awsQuery",
      "input/query#SDKAppliedContentEncoding_awsQuery",
      "input/rest-json#SDKAppendedGzipAfterProvidedEncoding_restJson1",
      "input/rest-json#SDKAppliedContentEncoding_restJson1",
      "input/rest-xml#SDKAppendedGzipAfterProvidedEncoding_restXml",
      "input/rest-xml#SDKAppliedContentEncoding_restXml",
    ],
  ],
  [
    "the client fills in an idempotency token that its caller did not give; a server sees a token",
    [
      "input/ec2#Ec2ProtocolIdempotencyTokenAutoFill",
      "input/query#QueryProtocolIdempotencyTokenAutoFill",
      "input/rest-json#RestJsonQueryIdempotencyTokenAutoFill",
      "input/rest-xml#QueryIdempotencyTokenAutoFill",
    ],
  ],
  [
    "the client drops an empty list or map on the way",
    [
      "input/ec2#Ec2EmptyQueryLists",
      "input/query#QueryEmptyQueryMaps",
      "input/rest-json#RestJsonOmitsEmptyListQueryValues",
    ],
  ],
  [
    "the client sends {} for an absent payload; a server sees an empty structure",
    [
      "input/rest-json#RestJsonHttpWithEmptyStructurePayload",
      "input/rest-json#RestJsonHttpWithHeadersButNoPayload",
    ],
  ],
  [
    "the map of query parameters repeats parameters that other members have; a server gives each parameter once",
    [
      "input/rest-json#RestJsonAllQueryStringTypes",
      "input/rest-json#RestJsonQueryPrecedence",
      "input/rest-json#RestJsonQueryStringEscaping",
      "input/rest-json#RestJsonSupportsInfinityFloatQueryValues",
      "input/rest-json#RestJsonSupportsNaNFloatQueryValues",
      "input/rest-json#RestJsonSupportsNegativeInfinityFloatQueryValues",
      "input/rest-json#RestJsonZeroAndFalseQueryValues",
      "input/rest-xml#RestXmlQueryPrecedence",
    ],
  ],
  [
    "clients must bear members that are null, unknown, or called __type; a server writes none",
    [
      "output/json#AwsJson11DeserializeIgnoreType",
      "output/json#AwsJson11StructuresDontDeserializeNullValues",
      "output/json#handles_unexpected_json_output",
      "output/json_1_0#AwsJson10DeserializeAllowNulls",
      "output/json_1_0#AwsJson10DeserializeIgnoreType",
      "output/json_1_0#AwsJson10HandlesUnexpectedJsonOutput",
      "output/rest-json#RestJsonDeserializeIgnoreType",
      "output/rest-json#RestJsonDeserializesDenseSetMapAndSkipsNull",
      "output/rest-json#RestJsonDoesntDeserializeNullStructureValues",
      "output/rest-xml#InvalidGreetingError",
      "output/smithy-rpc-v2-cbor#RpcV2CborClientDoesntDeserializeNullStructureValues",
      "output/smithy-rpc-v2-cbor#RpcV2CborDeserializesDenseSetMapAndSkipsNull",
      "output/smithy-rpc-v2-cbor#RpcV2CborExtraFieldsInTheBodyShouldBeSkippedByClients",
    ],
  ],
  [
    "clients must bear an empty body where there could be {}, and the reverse; a server writes the other form",
    [
      "output/json#json_1_1_service_responds_with_no_payload",
      "output/json_1_0#AwsJson10ServiceRespondsWithNoPayload",
      "output/rest-json#RestJsonEmptyInputAndEmptyOutputJsonObjectOutput",
      "output/rest-json#RestJsonGreetingWithErrorsNoPayload",
      "output/rest-json#RestJsonHttpResponseCodeWithNoPayload",
      "output/rest-json#RestJsonIgnoreQueryParamsInResponseNoPayload",
      "output/rest-json#RestJsonNoInputAndOutputNoPayload",
      "output/smithy-rpc-v2-cbor#NoOutputClientAllowsEmptyBody",
      "output/smithy-rpc-v2-cbor#NoOutputClientAllowsEmptyCbor",
      "output/smithy-rpc-v2-cbor#empty_output_no_body",
    ],
  ],
  [
    "clients must find an error's code in many forms; a server writes one",
    [
      "output/json#AwsJson11FooErrorUsingCode",
      "output/json#AwsJson11FooErrorUsingCodeAndNamespace",
      "output/json#AwsJson11FooErrorUsingCodeUriAndNamespace",
      "output/json#AwsJson11FooErrorUsingXAmznErrorTypeWithUri",
      "output/json#AwsJson11FooErrorUsingXAmznErrorTypeWithUriAndNamespace",
      "output/json#AwsJson11FooErrorWithDunderTypeUriAndNamespace",
      "output/json_1_0#AwsJson10FooErrorUsingCode",
      "output/json_1_0#AwsJson10FooErrorUsingCodeAndNamespace",
      "output/json_1_0#AwsJson10FooErrorUsingCodeUriAndNamespace",
      "output/json_1_0#AwsJson10FooErrorUsingXAmznErrorTypeWithUri",
      "output/json_1_0#AwsJson10FooErrorUsingXAmznErrorTypeWithUriAndNamespace",
      "output/json_1_0#AwsJson10FooErrorWithDunderTypeUriAndNamespace",
      "output/rest-json#RestJsonFooErrorUsingCode",
      "output/rest-json#RestJsonFooErrorUsingCodeAndNamespace",
      "output/rest-json#RestJsonFooErrorUsingCodeUriAndNamespace",
      "output/rest-json#RestJsonFooErrorUsingXAmznErrorTypeWithUri",
      "output/rest-json#RestJsonFooErrorUsingXAmznErrorTypeWithUriAndNamespace",
      "output/rest-json#RestJsonFooErrorWithDunderType",
      "output/rest-json#RestJsonFooErrorWithDunderTypeAndNamespace",
      "output/rest-json#RestJsonFooErrorWithDunderTypeUriAndNamespace",
    ],
  ],
  [
    "the body has a message that the vector's values do not have",
    ["output/ec2#Ec2ComplexError", "output/rest-xml#ComplexError"],
  ],
  [
    "the vector leaves out the namespace of a nested structure, which its twin in restXml demands",
    ["output/ec2#Ec2XmlNamespaces", "output/query#QueryXmlNamespaces"],
  ],
  ["the vector has a content type for an empty body", ["output/rest-xml#RestXmlHttpResponseCode"]],
  ["the vector has a request's header, X-Amz-Target, in the response", ["output/json#AwsJson11IntEnums"]],
  ["the vector has awsQuery's content type, not ec2Query's", ["output/ec2#Ec2XmlEmptyLists"]],
  [
    "the vector's body is that of another vector",
    ["output/smithy-rpc-v2-cbor#RpcV2CborPayloadWithUnsetUnion"],
  ],
];

export const exceptions: Readonly<Record<string, string>> = Object.fromEntries(
  reasons.flatMap(([reason, keys]) => keys.map((key) => [key, reason])),
);
