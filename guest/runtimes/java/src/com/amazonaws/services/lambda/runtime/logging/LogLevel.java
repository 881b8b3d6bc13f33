package com.amazonaws.services.lambda.runtime.logging;

/** In the order of their weight. */
public enum LogLevel {
  UNDEFINED,
  TRACE,
  DEBUG,
  INFO,
  WARN,
  ERROR,
  FATAL
}
