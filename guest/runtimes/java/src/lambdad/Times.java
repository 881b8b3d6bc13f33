package lambdad;

import java.lang.reflect.InvocationTargetException;
import java.math.BigDecimal;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.MonthDay;
import java.time.OffsetDateTime;
import java.time.Year;
import java.time.YearMonth;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.util.List;

/**
 * `java.time`, as Jackson's module has it by default: instants and durations as seconds with nine digits behind the
 * point, local dates and times as arrays of their parts, the rest as text. Reads what it writes, and ISO 8601.
 */
final class Times {
  private Times() {}

  static Object read(Object json, Class<?> type) {
    try {
      if (json instanceof Number) return ofNumber(new BigDecimal(json.toString()), type);
      if (json instanceof List) return ofParts((List<?>) json, type);
      if (json instanceof String) return ofText(((String) json).trim(), type);
    } catch (RuntimeException cause) {
      throw new JsonException("Cannot deserialize value of type `" + type.getName() + "` from " + json + ": " + cause.getMessage(), cause);
    }
    throw FromJson.mismatch(type, "Object", "START_OBJECT");
  }

  private static Object ofNumber(BigDecimal seconds, Class<?> type) {
    long whole = seconds.longValue();
    if (type == Year.class) return Year.of((int) whole);
    if (type == LocalDate.class) return LocalDate.ofEpochDay(whole);
    long nanos = seconds.subtract(BigDecimal.valueOf(whole)).movePointRight(9).longValue();
    if (type == Duration.class) return Duration.ofSeconds(whole, nanos);
    Instant instant = Instant.ofEpochSecond(whole, nanos);
    if (type == Instant.class) return instant;
    if (type == OffsetDateTime.class) return instant.atOffset(ZoneOffset.UTC);
    if (type == ZonedDateTime.class) return instant.atZone(ZoneOffset.UTC);
    throw FromJson.mismatch(type, "Number", "VALUE_NUMBER_INT");
  }

  private static Object ofParts(List<?> parts, Class<?> type) {
    if (type == LocalDate.class) return date(parts);
    if (type == LocalTime.class) return time(parts, 0);
    if (type == LocalDateTime.class) return LocalDateTime.of(date(parts), time(parts, 3));
    if (type == YearMonth.class) return YearMonth.of(part(parts, 0), part(parts, 1));
    throw FromJson.mismatch(type, "Array", "START_ARRAY");
  }

  private static LocalDate date(List<?> parts) {
    return LocalDate.of(part(parts, 0), part(parts, 1), part(parts, 2));
  }

  private static LocalTime time(List<?> parts, int from) {
    return LocalTime.of(part(parts, from), part(parts, from + 1), part(parts, from + 2), part(parts, from + 3));
  }

  private static int part(List<?> parts, int index) {
    return index < parts.size() ? (Integer) FromJson.bind(parts.get(index), int.class) : 0;
  }

  private static Object ofText(String text, Class<?> type) {
    if (text.isEmpty()) return null;
    boolean isMoment = type == Instant.class || type == OffsetDateTime.class || type == ZonedDateTime.class;
    if (isMoment && Values.isWhole(text)) return ofNumber(new BigDecimal(text), type);
    if (type == Instant.class) return OffsetDateTime.parse(Values.withColon(text)).toInstant();
    if (type == OffsetDateTime.class) return OffsetDateTime.parse(Values.withColon(text));
    // With what they have no place for.
    if (type == LocalDate.class && text.indexOf('T') == 10) return LocalDate.parse(text.substring(0, 10));
    if (type == LocalDateTime.class && text.endsWith("Z")) return LocalDateTime.parse(text.substring(0, text.length() - 1));
    try {
      String factory = type.getSimpleName().startsWith("Zone") && type != ZonedDateTime.class ? "of" : "parse";
      Class<?> parameter = factory.equals("of") ? String.class : CharSequence.class;
      return type.getMethod(factory, parameter).invoke(null, text);
    } catch (InvocationTargetException thrown) {
      throw new JsonException(String.valueOf(thrown.getCause().getMessage()), thrown.getCause());
    } catch (ReflectiveOperationException none) {
      throw FromJson.mismatch(type, "String", "VALUE_STRING");
    }
  }

  static void write(JsonWriter json, Object value) {
    if (value instanceof Instant) seconds(json, ((Instant) value).getEpochSecond(), ((Instant) value).getNano());
    else if (value instanceof OffsetDateTime) write(json, ((OffsetDateTime) value).toInstant());
    else if (value instanceof ZonedDateTime) write(json, ((ZonedDateTime) value).toInstant());
    else if (value instanceof Duration) seconds(json, ((Duration) value).getSeconds(), ((Duration) value).getNano());
    else if (value instanceof Year) json.literal(value.toString());
    else if (value instanceof LocalDate) writeDate(json.beginArray(), (LocalDate) value).endArray();
    else if (value instanceof LocalTime) writeTime(json.beginArray(), (LocalTime) value).endArray();
    else if (value instanceof LocalDateTime) {
      LocalDateTime both = (LocalDateTime) value;
      writeTime(writeDate(json.beginArray(), both.toLocalDate()), both.toLocalTime()).endArray();
    } else if (value instanceof YearMonth) {
      YearMonth month = (YearMonth) value;
      json.beginArray().literal(String.valueOf(month.getYear())).literal(String.valueOf(month.getMonthValue())).endArray();
    } else if (value instanceof Enum) {
      json.value(((Enum<?>) value).name());
    } else {
      json.value(value.toString());
    }
  }

  private static void seconds(JsonWriter json, long seconds, int nanos) {
    json.literal(BigDecimal.valueOf(seconds).add(BigDecimal.valueOf(nanos, 9)).toPlainString());
  }

  private static JsonWriter writeDate(JsonWriter json, LocalDate date) {
    return json.literal(String.valueOf(date.getYear()))
        .literal(String.valueOf(date.getMonthValue()))
        .literal(String.valueOf(date.getDayOfMonth()));
  }

  private static JsonWriter writeTime(JsonWriter json, LocalTime time) {
    json.literal(String.valueOf(time.getHour())).literal(String.valueOf(time.getMinute()));
    if (time.getSecond() > 0 || time.getNano() > 0) json.literal(String.valueOf(time.getSecond()));
    if (time.getNano() > 0) json.literal(String.valueOf(time.getNano()));
    return json;
  }
}
