package lambdad;

import com.amazonaws.services.lambda.runtime.LambdaLogger;
import com.amazonaws.services.lambda.runtime.logging.LogLevel;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Instant;

/**
 * Where log events go: as frames to the log descriptor if lambdad gave one, else to standard output. A frame keeps its
 * newlines and is one event. In the JSON format each is AWS's object, and what is below the level is not written.
 */
final class LogSink implements LambdaLogger {
  private static final int TEXT_FRAME = 0xa55a0003;
  private static final int JSON_FRAME = 0xa55a0002;

  private final boolean isJson;
  private final LogLevel least;
  private final boolean isFramed;
  private final FileOutputStream stream;
  private RuntimeApi.Invocation invocation;

  LogSink(String descriptor, String format, String level) {
    isJson = "JSON".equalsIgnoreCase(format);
    least = level == null ? LogLevel.UNDEFINED : levelOf(level);
    FileOutputStream framed = null;
    try {
      // By its name, because a descriptor's number is not to be had without opening java.base.
      if (descriptor != null) framed = new FileOutputStream("/proc/self/fd/" + descriptor);
    } catch (IOException notAFile) {
      // Standard output then.
    }
    isFramed = framed != null;
    stream = isFramed ? framed : new FileOutputStream(FileDescriptor.out);
  }

  private static LogLevel levelOf(String name) {
    for (LogLevel level : LogLevel.values()) if (level.name().equalsIgnoreCase(name)) return level;
    return LogLevel.UNDEFINED;
  }

  void serve(RuntimeApi.Invocation next) {
    invocation = next;
  }

  void error(String message) {
    log(message, isJson ? LogLevel.ERROR : LogLevel.UNDEFINED);
  }

  @Override
  public void log(String message) {
    log(message, LogLevel.UNDEFINED);
  }

  @Override
  public void log(byte[] message) {
    log(message, LogLevel.UNDEFINED);
  }

  @Override
  public void log(byte[] message, LogLevel level) {
    if (isJson) log(new String(message, StandardCharsets.UTF_8), level);
    else write(message, message.length, level);
  }

  @Override
  public void log(String message, LogLevel level) {
    if (isJson && level != LogLevel.UNDEFINED && level.compareTo(least) < 0) return;
    if (!isJson) {
      byte[] text = String.valueOf(message).getBytes(StandardCharsets.UTF_8);
      write(text, text.length, level);
    } else {
      Output line = jsonLine(message, level);
      write(line.bytes(), line.size(), level);
    }
  }

  private Output jsonLine(String message, LogLevel level) {
    JsonWriter line = new JsonWriter(new Output());
    line.beginObject().name("timestamp").value(timestamp()).name("message").value(message);
    if (level != LogLevel.UNDEFINED) line.name("level").value(level.name());
    if (invocation != null) {
      line.name("AWSRequestId").value(invocation.requestId);
      String tenantId = invocation.headers.get("lambda-runtime-aws-tenant-id");
      if (tenantId != null) line.name("tenantId").value(tenantId);
    }
    return line.endObject().output();
  }

  /** "2026-11-21T11:28:50.339Z": always with milliseconds. */
  private static String timestamp() {
    long now = System.currentTimeMillis();
    String seconds = Instant.ofEpochSecond(now / 1000).toString();
    String millis = String.valueOf(1000 + now % 1000);
    return seconds.substring(0, seconds.length() - 1) + "." + millis.substring(1) + "Z";
  }

  /** What the function prints to, in the place of a descriptor. */
  PrintStream printed(FileDescriptor descriptor) throws IOException {
    OutputStream plain = new FileOutputStream(descriptor);
    return new PrintStream(isFramed ? new PrintedLines(this, plain) : plain, false, "UTF-8");
  }

  void printed(Output line) {
    write(line.bytes(), line.size(), TEXT_FRAME);
  }

  private void write(byte[] message, int length, LogLevel level) {
    write(message, length, (isJson ? JSON_FRAME : TEXT_FRAME) | (level.ordinal() << 2));
  }

  private synchronized void write(byte[] message, int length, int type) {
    Output frame = new Output();
    if (isFramed) {
      number(frame, type, 4);
      number(frame, length, 4);
      number(frame, System.currentTimeMillis() * 1000, 8);
    }
    frame.write(message, 0, length);
    if (!isFramed && isJson) frame.write('\n');
    try {
      stream.write(frame.bytes(), 0, frame.size());
    } catch (IOException gone) {
      // Nobody reads any more: lambdad has gone, and the Runtime API will say so.
    }
  }

  private static void number(Output frame, long value, int bytes) {
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) frame.write((int) (value >>> shift));
  }
}
