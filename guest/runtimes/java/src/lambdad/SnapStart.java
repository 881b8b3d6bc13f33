package lambdad;

import java.io.IOException;
import org.crac.Core;

/**
 * SnapStart: the function's hooks, and the wait between them. Error types are recalled from AWS's published client.
 */
final class SnapStart {
  private SnapStart() {}

  static boolean isWanted() {
    return "snap-start".equals(System.getenv("AWS_LAMBDA_INITIALIZATION_TYPE"));
  }

  /** Returns when the snapshot has been restored, and its hooks have run. False: one has failed, and lambdad knows it. */
  static boolean awaitRestore(RuntimeApi api, LogSink sink) throws IOException {
    try {
      Core.getGlobalContext().beforeCheckpoint(null);
    } catch (Throwable thrown) {
      api.startError("init", "Runtime.BeforeCheckpointError", reported(thrown, sink));
      return false;
    }
    Bootstrap.flush();
    api.restoreNext();
    try {
      Core.getGlobalContext().afterRestore(null);
    } catch (Throwable thrown) {
      api.startError("restore", "Runtime.AfterRestoreError", reported(thrown, sink));
      return false;
    }
    return true;
  }

  private static Output reported(Throwable thrown, LogSink sink) {
    Fault fault = Fault.ofHandler(thrown);
    Bootstrap.flush();
    sink.error(fault.report());
    return fault.toJson();
  }
}
