package lambdad;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * From JSON's bytes to maps, lists, strings, booleans, nulls and numbers: Integer, Long or BigInteger as it fits, and
 * BigDecimal for all with a point, so that nothing is lost before its type is known.
 */
final class JsonReader {
  /** Jackson's, which AWS uses. */
  static final int DEPTH_MAX = 1000;

  private final byte[] json;
  private int at;
  private int depth;

  private JsonReader(byte[] json) {
    this.json = json;
  }

  /** Nothing at all is null, too. Throws `JsonException`. */
  static Object read(byte[] json) {
    JsonReader reader = new JsonReader(json);
    reader.skipSpace();
    if (reader.at == json.length) return null;
    Object value = reader.value();
    reader.skipSpace();
    if (reader.at < json.length) throw reader.unexpected("the end");
    return value;
  }

  private Object value() {
    if (at == json.length) throw unexpected("a value");
    switch (json[at]) {
      case '{':
        return object();
      case '[':
        return array();
      case '"':
        return string();
      case 't':
        return word("true", Boolean.TRUE);
      case 'f':
        return word("false", Boolean.FALSE);
      case 'n':
        return word("null", null);
      default:
        return number();
    }
  }

  private Map<String, Object> object() {
    Map<String, Object> members = new LinkedHashMap<>();
    enter();
    if (take('}')) return left(members);
    do {
      skipSpace();
      if (at == json.length || json[at] != '"') throw unexpected("a member's name");
      String name = string();
      if (!take(':')) throw unexpected("':'");
      skipSpace();
      members.put(name, value());
    } while (take(','));
    if (!take('}')) throw unexpected("',' or '}'");
    return left(members);
  }

  private List<Object> array() {
    List<Object> elements = new ArrayList<>();
    enter();
    if (take(']')) return left(elements);
    do {
      skipSpace();
      elements.add(value());
    } while (take(','));
    if (!take(']')) throw unexpected("',' or ']'");
    return left(elements);
  }

  private void enter() {
    at++;
    if (++depth > DEPTH_MAX) {
      throw new JsonException("Document nesting depth (" + depth + ") exceeds the maximum allowed (" + DEPTH_MAX + ")");
    }
  }

  private <T> T left(T container) {
    depth--;
    return container;
  }

  private Object word(String word, Object value) {
    for (int index = 0; index < word.length(); index++, at++) {
      if (at == json.length || json[at] != word.charAt(index)) throw unexpected(word);
    }
    return value;
  }

  private Number number() {
    int begin = at;
    boolean isWhole = true;
    for (; at < json.length; at++) {
      byte next = json[at];
      if (next == '.' || next == 'e' || next == 'E') isWhole = false;
      else if ((next < '0' || next > '9') && next != '-' && next != '+') break;
    }
    String text = new String(json, begin, at - begin, StandardCharsets.ISO_8859_1);
    try {
      if (!isWhole) return new BigDecimal(text);
      if (text.length() > 18) return narrowed(new BigInteger(text));
      long value = Long.parseLong(text);
      if (value == (int) value) return (int) value;
      return value;
    } catch (NumberFormatException notANumber) {
      at = begin;
      throw unexpected("a value");
    }
  }

  private static Number narrowed(BigInteger value) {
    if (value.bitLength() < 64) return value.longValue();
    return value;
  }

  private String string() {
    int begin = ++at;
    while (at < json.length && json[at] != '"' && json[at] != '\\') at++;
    if (at == json.length) throw unexpected("'\"'");
    if (json[at] == '"') return new String(json, begin, at++ - begin, StandardCharsets.UTF_8);
    StringBuilder text = new StringBuilder();
    while (true) {
      text.append(new String(json, begin, at - begin, StandardCharsets.UTF_8));
      if (at == json.length) throw unexpected("'\"'");
      if (json[at++] == '"') return text.toString();
      text.append(escaped());
      begin = at;
      while (at < json.length && json[at] != '"' && json[at] != '\\') at++;
    }
  }

  private char escaped() {
    if (at == json.length) throw unexpected("an escape");
    byte letter = json[at++];
    int known = "\"\\/bfnrt".indexOf(letter);
    if (known >= 0) return "\"\\/\b\f\n\r\t".charAt(known);
    if (letter != 'u' || at + 4 > json.length) throw unexpected("an escape");
    int code = 0;
    for (int digit = 0; digit < 4; digit++) {
      int value = Character.digit(json[at++], 16);
      if (value < 0) throw unexpected("a hexadecimal digit");
      code = code << 4 | value;
    }
    return (char) code;
  }

  private boolean take(char wanted) {
    skipSpace();
    if (at == json.length || json[at] != wanted) return false;
    at++;
    return true;
  }

  private void skipSpace() {
    while (at < json.length && (json[at] == ' ' || json[at] == '\n' || json[at] == '\r' || json[at] == '\t')) at++;
  }

  private JsonException unexpected(String wanted) {
    String found = at >= json.length ? "end-of-input" : "character '" + (char) (json[at] & 0xff) + "'";
    return new JsonException("Unexpected " + found + " at byte " + at + ": expected " + wanted);
  }
}
