package lambdad;

import java.lang.reflect.Array;
import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Base64;
import java.util.Calendar;
import java.util.Date;
import java.util.Iterator;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * From any object to JSON, by the rules of Jackson as AWS has set it up: beans by their getters and public fields, dates
 * as milliseconds, bytes as base64, constants by their names. Members of beans and maps that are null are left out
 * (recalled: its inclusion is NON_NULL).
 */
final class ToJson {
  private final JsonWriter json;

  private ToJson(Output out) {
    json = new JsonWriter(out);
  }

  static void write(Object value, Output out) {
    new ToJson(out).write(value);
  }

  private void write(Object value) {
    if (value == null) json.literal("null");
    else if (value instanceof String) json.value((String) value);
    else if (value instanceof Number) number((Number) value);
    else if (value instanceof Boolean) json.literal(value.toString());
    else if (value instanceof Map) map((Map<?, ?>) value);
    else if (value instanceof Iterable && !(value instanceof Path)) elements(((Iterable<?>) value).iterator());
    else if (value instanceof Enum) json.value(((Enum<?>) value).name());
    else if (value.getClass().isArray()) array(value);
    else writeRare(value);
  }

  private void writeRare(Object value) {
    if (value instanceof Optional) write(((Optional<?>) value).orElse(null));
    else if (value instanceof Date) json.literal(String.valueOf(((Date) value).getTime()));
    else if (value instanceof Calendar) json.literal(String.valueOf(((Calendar) value).getTimeInMillis()));
    else if (value instanceof ByteBuffer) bytes((ByteBuffer) value);
    else if (value instanceof Iterator) elements((Iterator<?>) value);
    else if (value instanceof AtomicBoolean) json.literal(value.toString());
    else if (value instanceof Map.Entry) {
      json.beginObject().name(key(((Map.Entry<?, ?>) value).getKey()));
      write(((Map.Entry<?, ?>) value).getValue());
      json.endObject();
    } else if (value.getClass().getName().startsWith("java.time.")) {
      Times.write(json, value);
    } else if (value instanceof Class) {
      json.value(((Class<?>) value).getName());
    } else if (isLibrarys(value.getClass())) {
      write(Values.content(value));
    } else {
      bean(value);
    }
  }

  /** Java's own; of Joda's library what AWS's event classes have. */
  private static boolean isLibrarys(Class<?> type) {
    String name = type.getName();
    return name.startsWith("java.") || name.startsWith("sun.") || name.startsWith("jdk.") || name.startsWith("org.joda.time.");
  }

  private void number(Number value) {
    boolean isNone = value instanceof Double ? !isFinite((Double) value) : value instanceof Float && !isFinite((Float) value);
    if (isNone) json.value(value.toString());
    else if (value instanceof BigDecimal) json.literal(((BigDecimal) value).toString());
    else json.literal(value.toString());
  }

  private static boolean isFinite(double value) {
    return !Double.isNaN(value) && !Double.isInfinite(value);
  }

  private void map(Map<?, ?> members) {
    json.beginObject();
    for (Map.Entry<?, ?> member : members.entrySet()) {
      if (member.getValue() == null) continue;
      json.name(key(member.getKey()));
      write(member.getValue());
    }
    json.endObject();
  }

  private static String key(Object key) {
    if (key == null) throw new JsonException("Null key for a Map not allowed in JSON (use a converting NullKeySerializer?)");
    if (key instanceof Enum) return ((Enum<?>) key).name();
    return key instanceof Date ? String.valueOf(((Date) key).getTime()) : key.toString();
  }

  private void elements(Iterator<?> elements) {
    json.beginArray();
    while (elements.hasNext()) write(elements.next());
    json.endArray();
  }

  private void array(Object array) {
    if (array instanceof byte[]) {
      bytes(ByteBuffer.wrap((byte[]) array));
    } else if (array instanceof char[]) {
      json.value(new String((char[]) array));
    } else {
      json.beginArray();
      for (int index = 0; index < Array.getLength(array); index++) write(Array.get(array, index));
      json.endArray();
    }
  }

  private void bytes(ByteBuffer buffer) {
    byte[] bytes = new byte[buffer.remaining()];
    buffer.duplicate().get(bytes);
    json.value(Base64.getEncoder().encodeToString(bytes));
  }

  private void bean(Object value) {
    json.beginObject();
    Bean bean = Bean.of(value.getClass());
    for (Bean.Property property : bean.properties()) {
      if (!property.isReadable()) continue;
      Object member;
      try {
        member = property.read(value);
      } catch (Throwable thrown) {
        String place = bean.type.getName() + "[\"" + property.name + "\"]";
        throw new JsonException(thrown.getMessage() + " (through reference chain: " + place + ")", thrown);
      }
      if (member == value) throw new JsonException("Direct self-reference leading to cycle (through reference chain: " + bean.type.getName() + "[\"" + property.name + "\"])");
      if (member == null) continue;
      json.name(property.name);
      write(member);
    }
    json.endObject();
  }
}
