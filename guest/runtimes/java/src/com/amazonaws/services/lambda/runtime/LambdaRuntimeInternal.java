package com.amazonaws.services.lambda.runtime;

/** Between the runtime and libraries that extend it: AWS's appender for Log4j says here that it is used. */
public final class LambdaRuntimeInternal {
  private static boolean useLog4jAppender;

  private LambdaRuntimeInternal() {}

  public static void setUseLog4jAppender(boolean value) {
    useLog4jAppender = value;
  }

  public static boolean getUseLog4jAppender() {
    return useLog4jAppender;
  }

  /** Ours: only the bootstrap calls it. */
  public static void setLogger(LambdaLogger logger) {
    LambdaRuntime.setLogger(logger);
  }
}
