package com.amazonaws.services.lambda.runtime.logging;

/** How log events are written. */
public enum LogFormat {
  JSON,
  TEXT
}
