/**
 * Every quota of AWS and every bound of ours: unit last in the name, source behind it. A number without a unit and a
 * source is a bug; so is a queue without a bound.
 */
import { invariant } from "./base/invariant.ts";

const KiB = 1024;
const MiB = 1024 * KiB;
const second = 1000;
const minute = 60 * second;

// Functions. AWS: "Lambda quotas" and lambda-map 1.6, 2.3, 16.
export const functionNameLengthMax = 64;
export const memoryMbMin = 128;
export const memoryMbMax = 10_240;
export const memoryMbDefault = 128;
export const timeoutSecondsMax = 900;
export const timeoutSecondsDefault = 3;
export const ephemeralStorageMbMin = 512;
export const ephemeralStorageMbMax = 10_240;
export const environmentVariablesBytesMax = 4 * KiB; // compact JSON of the map
export const tagsMax = 50;
export const zipBytesMax = 52_428_800;
export const unzippedBytesMax = 262_144_000;
export const createFunctionRequestBytesMax = 70_167_211; // recorded: also of UpdateFunctionCode
export const codeStorageBytesMax = 322_122_547_200; // 300 GB, the 2026 quota
export const listFunctionsPageMax = 50;
export const listVersionsPageMax = 50;
export const listAliasesPageMax = 50; // inferred from the others
export const listEventInvokeConfigsPageMax = 50;
export const listFunctionUrlConfigsPageMax = 50;
export const listMappingsPageMax = 100;
export const fifoBatchSizeMax = 10; // event source mappings: lambda-map 7.2
export const unwindowedBatchSizeMax = 10; // of queues, without a batching window
export const queuePollersMin = 2; // provisioned mode: lambda-map 7.3; also what MinimumPollers is unless given
export const queuePollersMaxDefault = 200;
export const recordAgeSecondsMin = 60;
export const filtersMax = 10; // by quota; 5 unless raised
export const filterPatternDepthMax = 32; // ours: a pattern has 4,096 characters at most
export const listProvisionedPageMax = 50;
export const listCodeSigningPageMax = 50; // inferred from the others; also of the functions of one
export const functionUrlsCachedMax = 10_000; // ours: whose URL it is, 100 bytes each
export const nameLookupMs = 1000; // ours: for the resolver to say whether it knows names below localhost
export const functionUrlLengthMax = 100; // AWS: lambda-map 1.6, FunctionUrl
export const listLayersPageMax = 50; // also ListLayerVersions
export const functionLayersMax = 5;
export const resourcePolicyBytesMax = 20_480;
export const lambdaCachedFunctionsMax = 20_000; // ours: records kept in memory, some KB each
export const lambdaCachedPagesMax = 400; // ours: of ListFunctions, 50 records each
export const lambdaCommitAttemptsMax = 20; // ours: changes of one function that may come between
export const lambdaVersionsPerCommitMax = 300; // ours: three writes each fit storeBatchWritesMax
export const lambdaActivationTimeoutMs = 6 * minute; // AWS: a Pending older than that may be cancelled
export const lambdaSnapshotTimeoutMs = 20 * minute; // ours: INIT has 15 at most, and may wait for room
export const lambdaActivationRetryMs = 1 * second; // ours
export const codeLocationLifeMs = 10 * minute;
export const zipEntriesMax = 200_000; // ours: a bomb of empty files costs inodes
export const zipPathBytesMax = 1024; // ours

// Invocation. AWS: lambda-map 4.1, 4.2, 4.6, 6.1.
export const invokePayloadBytesMax = 6 * MiB;
export const invokeResponseBytesMax = 6 * MiB + 100;
export const streamedResponseBytesMax = 200 * MiB; // AWS: Lambda quotas, response streaming; was 20 MB
export const streamWaitingBytesMax = 256 * KiB; // ours: of a streamed answer, unread; beyond it the function waits
export const streamBurstBytes = 6 * MiB; // AWS: passed on at full speed; the rest at 2 MB/s, which is configuration here
export const urlPreludeBytesMax = 16 * KiB; // AWS: of API Gateway's streams; inferred for function URLs
export const asyncPayloadBytesMax = 1 * MiB;
export const clientContextBytesMax = 3583;
export const logTailBytesMax = 4 * KiB;
export const initTimeoutMs = 10 * second;
export const initAheadTimeoutMsMin = 130 * second; // AWS: of provisioned concurrency and SnapStart; or the function's timeout
export const restoreTimeoutMs = 10 * second; // AWS: SnapStart, hooks after the restore included
export const inspectedTimeoutMs = 24 * 60 * minute; // ours: of functions that are being debugged
export const cpuMbPerVcpu = 1769;
export const initCpus = 2; // ours: the share of CPU while INIT runs, if the function's own is smaller
export const memoryReadingAgeMsMax = 100; // ours: a REPORT line may show a peak that is this old
export const memoryCachedBytesMin = 4 * MiB; // ours: of page cache, for a look at each process of an environment
export const memoryProcessesMax = 64; // ours: how many of them are looked at
export const environmentProcessesMax = 1024;
export const environmentOpenFilesMax = 1024;

// Asynchronous events. AWS: lambda-map 6.3, 6.4.
export const asyncRetriesDefault = 2;
export const asyncEventAgeMsDefault = 6 * 60 * minute; // also the most: MaximumEventAgeInSeconds 21,600
export const asyncRetryDelaysMs: readonly number[] = [1 * minute, 2 * minute];
export const asyncBackoffMsMin = 1 * second;
export const asyncBackoffMsMax = 5 * minute;
export const deadLetterMessageBytesMax = 1 * KiB; // ErrorMessage of a dead letter
export const recursionDepthMax = 16; // invocations of one function in one chain of events
export const lineageFunctionsMax = 64; // ours: functions in one chain, so that the header stays bounded
export const asyncConcurrencyMax = 256; // ours: events under way at once; leaves environments for synchronous calls
export const asyncConcurrencyPerFunctionMax = 100; // ours: no function takes all of it
export const asyncConcurrencyPerFunctionMin = 4; // ours: where each function starts
export const asyncSlowMs = 20; // ours: what takes longer waits for something, so that more at once help
export const asyncWindowEventsMax = 64; // ours: events of one function kept in memory, without payloads
export const asyncWindowsEventsMax = 20_000; // ours: of all functions together, some 600 bytes each
export const asyncHeldPayloadBytesMax = 16 * MiB; // ours: payloads kept from acceptance to a first attempt at once
export const asyncScanEventsMax = 100; // ours: records read in one go, some 400 bytes each; more would only grow the heap
export const asyncQueueBytesMax = 10 * 1024 * MiB; // ours: payloads on disk, waiting or failed; beyond it 429
export const asyncFailedEventsMax = 10_000; // ours: kept for inspection; the oldest goes
export const asyncListedEventsMax = 1000; // ours: shown in one look at the queue
export const asyncDeliveryAttemptsMax = 5; // ours: to a destination that refuses
export const asyncSettleRetryMs = 1 * second; // ours: a full disk is asked again
export const asyncLeaseMs = 30 * minute; // ours: an attempt that takes longer has been lost

// SQS. AWS: "Amazon SQS quotas" and map-sqs-sns-s3 1.1 to 1.12.
export const messageBytesMax = 1 * MiB; // body and attributes; also of a batch
export const messageAttributesMax = 10;
export const batchEntriesMax = 10;
export const delaySecondsMax = 900;
export const visibilitySecondsMax = 43_200;
export const receiveWaitSecondsMax = 20;
export const receiptHandleLengthMax = 1024;
export const queuePolicyBytesMax = 8 * KiB;
export const policyActionsMax = 7; // of one AddPermission
export const policyPrincipalsMax = 50;
export const policyStatementsMax = 20;
export const maxReceiveCountMax = 1000;
export const redriveSourcesMax = 10;
export const deduplicationMs = 5 * minute; // also of ReceiveRequestAttemptId
export const inFlightMessagesMax = 120_000; // of one queue
export const listQueuesPageMax = 1000;
export const moveTasksListedMax = 10;
export const moveTaskRateMax = 500; // messages per second
export const queueWindowMessagesMax = 10_000; // ours: waiting messages of one queue in memory, some 400 bytes each
export const queueScanMessagesMax = 1000; // ours: records read in one go
export const heldContentsBytesMax = 32 * MiB; // ours: bodies of all queues kept from their sending to their receipt
export const receiveNoteMs = 10; // ours: a receive that a crash may forget; written down then, unless it is deleted
export const queueSweepMs = 5 * minute; // ours: how often messages past their retention are looked for

// S3. AWS: "Amazon S3 objects overview", "Multipart upload limits" and map-sqs-sns-s3 3.1 to 3.18.
export const objectUploadBytesMax = 5 * 1024 * MiB; // one PUT, one part, one copy
export const partBytesMin = 5 * MiB; // but the last
export const partsMax = 10_000;
export const objectKeyBytesMax = 1024;
export const userMetadataBytesMax = 2 * KiB;
export const listedKeysMax = 1000;
export const deletedKeysMax = 1000; // of one DeleteObjects
export const aclGrantsMax = 100;
export const transitionBytesMin = 128 * KiB; // smaller objects keep their storage class by default
export const objectTagsMax = 10;
export const bucketTagsMax = 50;
export const bucketPolicyBytesMax = 20 * KiB;
export const bucketsMax = 10_000; // of one account
export const corsRulesMax = 100;
export const lifecycleRulesMax = 1000;
export const notificationConfigurationsMax = 100;
export const routingRulesMax = 50;
export const postFormFieldsBytesMax = 20 * KiB; // of a browser's upload, all but the file
export const objectChunkBytesMax = 1 * MiB; // ours: read from the disk and written to it in one go
export const objectHeldBytesMax = 64 * KiB; // ours: a smaller object is read whole and sent in one write
export const s3KeysScannedMax = 500; // ours: records of one look into the store, so that no listing stalls the others
export const s3SweepMs = 10 * minute; // ours: how often lifecycle rules are looked at; AWS: once a day
export const scrubBytesPerSecond = 10 * MiB; // ours: objects read again, so that nobody else notices
export const scrubPauseMs = 24 * 60 * minute; // ours: before the first pass and between two
export const outboxWindowMax = 1000; // ours: notifications of buckets in memory; the rest waits on the disk
export const outboxConcurrencyMax = 64; // ours: deliveries under way at once
export const outboxRetryMsMin = 1 * second; // ours: after a failure, doubling
export const outboxRetryMsMax = 5 * minute; // ours
export const outboxAttemptsMax = 20; // ours: over an hour

// SNS. AWS: "Amazon SNS endpoints and quotas", "message delivery retries", and map-sqs-sns-s3 2.2 to 2.8.
export const publishedBytesDefault = 256 * KiB; // body and attributes; also of a batch
export const publishedBytesMin = 1 * KiB; // of the attribute MaximumMessageSize
export const publishedBytesMax = 1 * MiB;
export const largeTopicSubscriptionsMax = 100; // of a topic that takes more than the default
export const topicNameLengthMax = 256;
export const displayNameLengthMax = 100;
export const subjectLengthMax = 100;
export const topicsListedMax = 100; // of all lists of SNS: a page
export const topicPolicyBytesMax = 30_720;
export const fifoTopicSubscriptionsMax = 100;
export const topicSubscriptionsMax = 100_000; // ours: AWS 12.5 million; each some KB in memory
export const filterPolicyKeysMax = 5;
export const filterPolicyCombinationsMax = 150;
export const filterPolicyBytesMax = 256 * KiB;
export const confirmationLifeMs = 3 * 24 * 60 * minute; // of a token
export const confirmationSweepMs = 60 * minute; // ours: how often tokens past that are looked for
export const httpRetriesMax = 100;
export const httpRetryDelaySecondsMax = 3600; // of one delay, and of all together
export const httpDeliveryTimeoutMs = 15 * second;
export const deliveriesPendingMax = 100_000; // ours: of all topics, some 300 bytes each; beyond it Throttled
export const deliveriesRunningMax = 256; // ours: at once
export const subscriptionDeliveriesMax = 32; // ours: at once to one subscription, so that a slow one does not take all
export const deliveryProgressMs = 100; // ours: how much a crash may forget, so that more is delivered twice
export const heldPublicationsBytesMax = 32 * MiB; // ours: kept from publishing to a first delivery
export const outboxMessagesMax = 10_000; // ours: e-mails and texts kept; the oldest goes
export const signaturesCachedMax = 1000; // ours: of messages, 400 bytes each

// Event source mappings of queues. AWS: lambda-map 7.3, map-sqs-sns-s3 1.13.
export const mappingConcurrencyMin = 5; // batches of one mapping under way at the start
export const mappingConcurrencyMax = 250; // ours: AWS 1,250; leaves environments for others on one machine
export const mappingWaitMs = 20 * second; // a long poll
export const mappingThrottleMsMin = 100; // ours: until a throttled batch is tried again, doubling
export const mappingThrottleMsMax = 5 * second; // ours
export const mappingBackoffMsMin = 200; // ours: after a source or function that is not there, doubling
export const mappingBackoffMsMax = 1 * minute; // ours
export const mappingStopMs = 5 * second; // ours: batches that run may end when the platform stops

// Work that waits for its time: events/agenda.ts. Ours.
export const agendaWindowItemsMax = 2000; // of one agenda in memory, some 400 bytes each
export const agendaRetryMs = 1 * second; // after a failure of ours: a full disk is asked again

// Event patterns. AWS: map-events-observability 1.5.
export const wildcardComplexityMax = 10; // beginnings that one value can satisfy at once, in one field
export const patternClausesMax = 1000; // combinations of $or
export const eventDepthMax = 1000; // nesting of an event's detail
export const scheduleYearMin = 1970; // of cron expressions
export const scheduleYearMax = 2199;

// Deliveries of rules and schedules. AWS: map-events-observability 1.7, 2.
export const deliveryAgeSecondsMax = 86_400;
export const deliveryAttemptsMax = 185;
export const deliveryBackoffMsMin = 1 * second; // ours: doubling
export const deliveryBackoffMsMax = 8 * minute; // ours: 185 attempts in 24 hours

// EventBridge Scheduler. AWS: "EventBridge Scheduler quotas", map-events-observability 2; ours where said.
export const scheduleInputBytesMax = 256 * KiB;
export const scheduleGroupsMax = 500;
export const schedulePageMax = 100;
export const scheduleStartPastMsMax = 5 * minute;
export const scheduleRunWidth = 256; // ours: runs under way at once
export const scheduleClockWidth = 64; // ours: schedules that fall due at once

// EventBridge. AWS: "Amazon EventBridge quotas", map-events-observability 1; ours where said.
export const busEntriesBytesMax = 1 * MiB; // of all entries of one PutEvents
export const targetInputBytesMax = 1 * MiB; // ours: what an input transformer fills in; no target takes more
export const busesMax = 100;
export const busPolicyBytesMax = 10_240;
export const rulesPerBusMax = 20_000; // AWS: 300, more on request
export const targetsPerRuleMax = 5;
export const targetsPerCallMax = 10; // of PutTargets and RemoveTargets
export const archivesMax = 100;
export const replaysActiveMax = 10;
export const connectionsMaxPerAccount = 3000; // also API destinations
export const httpAdditionsMax = 100; // headers, query and body parameters of one connection
export const apiDestinationRateDefault = 300; // calls a second
export const apiDestinationTimeoutMs = 5 * second;
export const apiDestinationWaitMsMax = 1 * second; // ours: a call whose turn is later comes again then
export const callsBookedMax = 10_000; // ours: calls that have their turn, some 100 bytes each
export const busHopsMax = 5; // ours: from bus to bus within an account and region
export const busDeliveryWidth = 256; // ours: events under way at once
export const busCallWidth = 128; // ours: calls to API destinations at once
export const busRuleClockWidth = 16; // ours: schedules of rules that fall due at once
export const busHeldEventBytesMax = 16 * MiB; // ours: texts of events kept until their first delivery
export const recipientsPerItemMax = 2000; // ours: one event's deliveries in one record
export const callItemsPerEventMax = 100; // ours: records for one event's calls to API destinations
export const eventbridgePageMax = 100; // AWS: Limit
export const tokenResponseBytesMax = 64 * KiB; // ours: read of what an API destination answers
export const oauthTokensCachedMax = 1000; // ours
export const oauthTokenLifeSecondsDefault = 300; // ours: where the endpoint does not say
export const replayCommitEventsMax = 20; // ours: events of a replay in one commit
export const replayBacklogMax = 1000; // ours: undelivered events; beyond it a replay waits
export const replayRetryMs = 100; // ours
export const archiveSweepMs = 60 * minute; // ours: how often events past their retention are looked for
export const scheduleLateMsMax = 60 * second; // a schedule that is later was missed; AWS: precision of a minute

// Sandboxes. Ours where not said otherwise.
export const machineRoomReadingAgeMsMax = 100; // what is left of the machine's memory may be known this late
export const machineTimeReadingAgeMsMax = 200; // so is what is left of its processors' time
export const saturatedIdleShareMax = 0.05; // of the processors' time; above it they have some left
export const saturatingShareMin = 0.05; // of the processors' time; with less sandboxes are not who saturates them
export const sandboxesMax = 2000; // living at once in one instance; bounded by its block of addresses and user ids
export const tmpBytesDefault = ephemeralStorageMbMin * MiB; // what slots are prepared with
export const sandboxSlotsIdleMin = 4; // started ahead; each is a waiting shell of less than 1 MB
export const sandboxSlotsPreparingMax = 4; // at once, of each network mode
export const sandboxSlotsRefillDelayMs = 100; // after one was taken, so that its start has the processors
export const sandboxSlotsSurplusMs = 2 * second; // after the last change of how many starts are expected
export const sandboxStartTimeoutMs = 10 * second;
export const sandboxSpecialiseTimeoutMs = 2 * second; // mounts into a waiting sandbox take some milliseconds
export const sandboxDestroyTimeoutMs = 10 * second; // the kernel takes links and groups down in the background
export const sandboxDrainMs = 500; // unread output after the end of a program
export const sandboxArgvBytesMax = 128 * KiB; // Linux: MAX_ARG_STRLEN of one argument
export const sandboxEnvBytesMax = 128 * KiB;
export const sandboxMountsMax = 64; // AWS: 5 layers; ours: and what runtimes and code need
export const sandboxCpuPeriodUsec = 20_000; // measured on AWS by others: quotas are enforced in steps of 20 ms
export const sandboxStartWeight = 8; // times that of one that runs, where processors have too much to do
export const sandboxCpuQuotaUsecMin = 1000; // Linux: the smallest cfs quota
export const stagedSourcesMax = 512; // directories bind-mounted for sandboxes; beyond it the oldest goes
export const commandTimeoutMs = 20 * second; // ip, nft, mount
export const commandOutputBytesMax = 1 * MiB;

// Concurrency. AWS: lambda-map 6.2.
export const accountConcurrencyMax = 1000;
export const unreservedConcurrencyMin = 100;
export const requestsPerConcurrencyMax = 10; // a second, for each unit of concurrency; not of asynchronous events
export const scalingEnvironmentsMax = 1000; // that a function may grow by in 10 s, refilled evenly
export const scalingMs = 10 * second;

// Extensions and telemetry. AWS: lambda-map 4.1, 5.2, 5.3.
export const extensionsMax = 10; // of one function, external and internal together
export const extensionNameLengthMax = 255; // Linux: of a file's name; it is the extension's
export const shutdownExternalMs = 2 * second; // of all SHUTDOWN, where there is an external extension
export const shutdownInternalMs = 500; // of all SHUTDOWN, where there are internal ones only
export const shutdownRuntimeMs = 300; // of those 2 s: from the runtime's SIGTERM to its SIGKILL
export const telemetryItemsMin = 1000;
export const telemetryItemsMax = 10_000; // also the default
export const telemetryBytesMin = 256 * KiB; // also the default
export const telemetryBytesMax = 1 * MiB;
export const telemetryTimeoutMsMin = 25;
export const telemetryTimeoutMsMax = 30 * second;
export const telemetryTimeoutMsDefault = 1 * second;
export const telemetryUriLengthMax = 1024; // ours
export const telemetryWaitingBytesMax = 2 * MiB; // ours: of one subscriber, behind a batch under way; the rest is dropped
export const telemetryBacklogBytesMax = 256 * KiB; // ours: of INIT, kept for those who subscribe late in it
export const telemetryDeliveryMs = 5 * second; // ours: of one attempt
export const telemetryRetryMsMin = 100; // ours: after a failed attempt, doubling
export const telemetryRetryMsMax = 5 * second; // ours

// The pool. Ours.
export const freezeDelayMs = 100; // of idleness; AWS: at once. So warm traffic never pays for freezing and thawing
export const environmentIdleMs = 10 * minute; // AWS keeps them "minutes"; recycled with the function's next use
export const environmentsMax = 500; // on one machine: each holds a process, a namespace and memory
export const retiredKeysMax = 10_000; // versions that are gone, remembered for invocations that are late
export const settlePatienceMs = 50; // a cold start costs as much
export const permitPatienceMs = 200; // what settles is there in a millisecond; later on a machine that is busy
export const snapshotsMax = 20; // SnapStart: versions with an environment that waits to be restored, the last ones used
export const startingEnvironmentsMax = 8; // cold starts at once on one machine; more wait in line
export const environmentWaitersMax = 2000; // requests in line for environments; beyond it 429
export const environmentWaitersPerVersionMax = 1000; // what an account may run at once
export const environmentWaitMsMax = 1 * minute; // clients give up then
export const memoryReserveMb = 256; // stays free for the machine and lambdad itself
export const memoryExpectedMb = 64; // of an environment of a version of which none has been seen
export const machineRetryMs = 250; // how often memory and time are looked for while somebody waits for them
export const saturatedStartsMin = 2; // processors' worth of starts at once while processors are saturated; or all there are
export const growthPatienceMs = 100; // of the first in line, times the square of the version's environments

// Runtimes that wait for a function. Ours.
export const warmRuntimesDefault = 2; // of each shape that is used; more where versions have been made lately
export const warmRuntimesMax = 128; // of all shapes
export const warmMemoryMb = 16; // of each, not shared: some 10 measured, and the kernel's
export const warmMemoryShare = 0.1; // of the free memory, for all of them
export const warmIdleMs = 15 * minute; // a shape that nobody has used for so long has none
export const warmRefillDelayMs = 100; // after the last start, so that a burst of them is not slowed down
export const warmPauseMs = 1 * minute; // between looks for what is unused, and after one that could not be booted
export const plainStartsMax = 100; // versions for whose start a sandbox is prepared; some 1 MB each
export const warmBootCpus = 1; // while it boots and waits
export const waitingBootMsMax = 10 * second;
export const waitingBootPollMs = 5;
export const ordersBytesMax = 64 * KiB; // Linux: what an empty pipe takes at once

// Runtimes. Ours.
export const interpreterProbeMs = 20 * second; // asking an interpreter its version, on a machine that is very busy
export const runtimeFetchMs = 10 * minute; // npm brings some 50 MB
export const runtimeBuildMs = 2 * minute; // a bootstrap's compiler, on a machine that is very busy
export const rootInstallMs = 30 * minute; // debootstrap brings some 100 MB, and unpacks them
export const programOutputBytesMax = 1 * MiB; // of npm and of interpreters

// Runtime API. Ours: AWS publishes none. Bodies: invokeResponseBytesMax.
export const runtimeHeaderBytesMax = 1 * MiB; // AWS: request line and headers to Invoke, 1 MB together
export const runtimeApiPort = 9001; // AWS's; any other if it is taken
export const runtimeApiConnectionsMax = 64; // per environment
export const runtimeApiHeldBytesMax = 16 * MiB; // per environment: requests that have not arrived in full
export const earlyPeersMax = 64; // connections of sandboxes whose address is not known yet
export const earlyPeerMs = 2 * second;
export const socketPathBytesMax = 107; // Linux: sun_path without its NUL

// Logs. AWS: map-events-observability 4.2, 4.3.
export const logEventBytesMax = 1 * MiB; // message and overhead
export const logEventOverheadBytes = 26; // AWS: counted with each message
export const logLineBytesMax = 256 * KiB; // Lambda splits longer lines
export const logBatchBytesMax = 1_048_576;
export const logBatchEventsMax = 10_000;
export const logFutureMsMax = 2 * 60 * minute;
export const logReadingDelayMsMax = 10 * second; // ours: how much older than the line before it a frame may be by delay
export const logAgeMsMax = 14 * 24 * 60 * minute;
export const logPageBytesMax = 1 * MiB; // GetLogEvents, FilterLogEvents: one answer
export const logPageEventsMax = 10_000;
export const logScanBytesMax = 16 * MiB; // ours: FilterLogEvents answers a page, perhaps an empty one, after as much
export const logPendingBytesMax = 64 * MiB; // ours: output that waits to be written; beyond it lines are dropped, counted
export const logLineHeldBytes = 128; // ours: what a line that waits takes beside its text, so that short ones count, too
export const outputTurnBytes = 16 * KiB; // ours: whoever prints so much at once waits for a turn of the event loop

// Gateway. Ours where not said otherwise.
export const requestBodyBytesMax = 128 * MiB; // of collected bodies; streams have the operation's own limit
export const inflatedBodyBytesMax = 16 * MiB; // a gzip body after inflation
export const requestHeaderBytesMax = 64 * KiB;
export const clockSkewMsMax = 15 * minute; // AWS: SigV4
export const sessionSecondsDefault = 3600; // AWS: AssumeRole, and the most where one role assumes another
export const sessionTokenSecondsDefault = 43_200; // AWS: GetSessionToken
export const presignLifeSecondsMax = 604_800; // AWS: X-Amz-Expires, a week
export const signingKeysCachedMax = 256;
export const chunkLineBytesMax = 1 * KiB; // aws-chunked: a chunk's header line
export const chunkTrailerBytesMax = 4 * KiB; // aws-chunked: all trailers
export const receivingBytesMax = 1024 * MiB; // collected bodies of all running requests together; beyond it 503
export const requestReceiveMsMax = 15 * minute; // first byte to last; an upload of gigabytes takes minutes
export const requestHeaderMsMax = 30 * second;
export const plainRequestBytesMax = 64 * KiB; // head and body; larger ones are for `node:http`, which does not gather them first
export const drainBytesMax = 128 * MiB; // of a refused body, read and dropped so that the client sees the answer
export const drainMsMax = 5 * second;
export const keepAliveMs = 65 * second; // longer than the clients' own, so that they close first
export const keepAliveGraceMs = 1 * second; // as `node:http`: a connection is closed so much later than announced
export const connectionsMax = 10_000;
export const streamsPerConnectionMax = 256;
export const callDepthMax = 16; // services calling services within one request

// Codecs. Ours where not said otherwise; beyond them a request is a SerializationException.
export const documentDepthMax = 256; // nesting of JSON, XML, CBOR and form bodies
export const documentNodesMax = 200_000; // a second's work; elements of an XML or CBOR body, parameters of a form
export const eventStreamMessageBytesMax = 24 * MiB; // AWS: "Event stream encoding"; also of the payload
export const eventStreamHeadersBytesMax = 128 * KiB; // AWS: the same page

// Validation of inputs against the model. Ours.
export const violationsMax = 100; // reported in one answer
export const violationValueLengthMax = 64 * KiB; // characters of a value as the error prints it
export const patternValueLengthMax = 4 * KiB; // a value longer than its max is not matched, too, beyond this

// What `lambdad events` can look back on. Ours.
export const flowsKeptMax = 1000;
export const flowsWaitMsMax = 20 * second;

// Store. Ours.
export const storeBatchWritesMax = 1000;
export const storeBatchBytesMax = 64 * MiB;
export const storeKeyBytesMax = 2304; // an object's key of 1,024 bytes, each escaped, and what goes before it
export const storeScanEntriesMax = 10_000;
export const storePendingBatchesMax = 10_000; // commits that wait for the disk; beyond it "busy"
export const storePendingBytesMax = 256 * MiB; // keys and values of those
export const storeWalBytesKept = 64 * MiB; // the write-ahead log is cut back to this after a burst
export const blobChunkBytesMax = 1 * MiB; // hashed and written in one go, other work may run between two

invariant(
  lambdaVersionsPerCommitMax * 3 + 10 <= storeBatchWritesMax,
  "removing a portion of versions fits one commit",
);
invariant(asyncPayloadBytesMax <= invokePayloadBytesMax, "an async event must fit one invocation");
invariant(
  asyncLeaseMs > timeoutSecondsMax * second + initTimeoutMs + 5 * minute,
  "a lease is longer than the work that it covers",
);
invariant(
  zipBytesMax * (4 / 3) <= createFunctionRequestBytesMax,
  "a whole zip in base64 must fit its request",
);
invariant(
  createFunctionRequestBytesMax <= requestBodyBytesMax,
  "the gateway must let CreateFunction through",
);
invariant(logLineBytesMax <= logEventBytesMax, "a split line must be one log event");
invariant(storeBatchBytesMax <= storePendingBytesMax, "the largest batch must fit an empty queue");
