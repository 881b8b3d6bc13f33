package lambdad;

import java.io.IOException;
import java.io.OutputStream;

/**
 * Standard output or error of a function. Whole lines go as frames: two pipes have no order between them, and what a
 * function prints and logs has one. A line that is flushed before its end goes to its own stream, with its rest.
 */
final class PrintedLines extends OutputStream {
  private final LogSink sink;
  private final OutputStream stream;
  private final Output line = new Output();
  private boolean isBegun;

  PrintedLines(LogSink sink, OutputStream stream) {
    this.sink = sink;
    this.stream = stream;
  }

  @Override
  public void write(int value) throws IOException {
    line.write(value);
    if (value == '\n') end();
  }

  @Override
  public void write(byte[] source, int from, int length) throws IOException {
    int begin = from;
    for (int at = from; at < from + length; at++) {
      if (source[at] != '\n') continue;
      line.write(source, begin, at + 1 - begin);
      end();
      begin = at + 1;
    }
    line.write(source, begin, from + length - begin);
  }

  @Override
  public void flush() throws IOException {
    if (line.size() == 0) return;
    pass();
    isBegun = true;
  }

  private void end() throws IOException {
    if (isBegun) {
      pass();
    } else {
      sink.printed(line);
      line.clear();
    }
    isBegun = false;
  }

  private void pass() throws IOException {
    stream.write(line.bytes(), 0, line.size());
    line.clear();
  }
}
