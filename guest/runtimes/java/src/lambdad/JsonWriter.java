package lambdad;

/** JSON's tokens as UTF-8. Commas are put where they belong; whether the whole is well-formed is the caller's business. */
final class JsonWriter {
  private static final String HEX = "0123456789ABCDEF";

  private final Output out;
  private boolean needsComma;
  private int depth;

  JsonWriter(Output out) {
    this.out = out;
  }

  Output output() {
    return out;
  }

  JsonWriter beginObject() {
    return begin('{');
  }

  JsonWriter endObject() {
    return end('}');
  }

  JsonWriter beginArray() {
    return begin('[');
  }

  JsonWriter endArray() {
    return end(']');
  }

  JsonWriter name(String name) {
    value(name);
    out.write(':');
    needsComma = false;
    return this;
  }

  /** A number, true, false or null, as it is. */
  JsonWriter literal(String text) {
    comma();
    out.ascii(text);
    return this;
  }

  JsonWriter value(String text) {
    if (text == null) return literal("null");
    comma();
    out.write('"');
    int length = text.length();
    for (int index = 0; index < length; index++) {
      char each = text.charAt(index);
      if (each >= 0x20 && each < 0x80 && each != '"' && each != '\\') out.write(each);
      else if (each < 0x80) escape(each);
      else if (!Character.isSurrogate(each)) utf8(each);
      else if (isPairAt(text, index)) utf8(text.codePointAt(index++));
      else unicodeEscape(each);
    }
    out.write('"');
    return this;
  }

  private static boolean isPairAt(String text, int index) {
    return index + 1 < text.length() && Character.isSurrogatePair(text.charAt(index), text.charAt(index + 1));
  }

  private void escape(char each) {
    int known = "\"\\\b\f\n\r\t".indexOf(each);
    if (known < 0 && each >= 0x20) {
      out.write(each);
    } else if (known < 0) {
      unicodeEscape(each);
    } else {
      out.write('\\');
      out.write("\"\\bfnrt".charAt(known));
    }
  }

  private void unicodeEscape(char each) {
    out.ascii("\\u");
    for (int shift = 12; shift >= 0; shift -= 4) out.write(HEX.charAt(each >>> shift & 0xf));
  }

  private void utf8(int code) {
    if (code < 0x800) {
      out.write(0xc0 | code >>> 6);
    } else {
      if (code < 0x10000) {
        out.write(0xe0 | code >>> 12);
      } else {
        out.write(0xf0 | code >>> 18);
        out.write(0x80 | code >>> 12 & 0x3f);
      }
      out.write(0x80 | code >>> 6 & 0x3f);
    }
    out.write(0x80 | code & 0x3f);
  }

  private JsonWriter begin(char bracket) {
    if (++depth > JsonReader.DEPTH_MAX) {
      String most = "exceeds the maximum allowed (" + JsonReader.DEPTH_MAX + ")";
      throw new JsonException("Document nesting depth (" + depth + ") " + most);
    }
    comma();
    out.write(bracket);
    needsComma = false;
    return this;
  }

  private JsonWriter end(char bracket) {
    depth--;
    out.write(bracket);
    needsComma = true;
    return this;
  }

  private void comma() {
    if (needsComma) out.write(',');
    needsComma = true;
  }
}
