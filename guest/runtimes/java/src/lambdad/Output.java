package lambdad;

import java.io.OutputStream;
import java.util.Arrays;

/** Bytes that grow, without a copy to read them and without a lock. */
final class Output extends OutputStream {
  private byte[] bytes = new byte[1024];
  private int size;

  byte[] bytes() {
    return bytes;
  }

  int size() {
    return size;
  }

  void clear() {
    size = 0;
  }

  @Override
  public void write(int value) {
    if (size == bytes.length) grow(1);
    bytes[size++] = (byte) value;
  }

  @Override
  public void write(byte[] source, int from, int length) {
    if (length > bytes.length - size) grow(length);
    System.arraycopy(source, from, bytes, size, length);
    size += length;
  }

  /** Characters of ASCII. */
  void ascii(String text) {
    for (int index = 0; index < text.length(); index++) write(text.charAt(index));
  }

  private void grow(int least) {
    bytes = Arrays.copyOf(bytes, Math.max(bytes.length * 2, Math.addExact(size, least)));
  }
}
