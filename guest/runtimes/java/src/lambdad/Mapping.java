package lambdad;

import com.amazonaws.services.lambda.runtime.CustomPojoSerializer;
import java.io.ByteArrayInputStream;
import java.io.UncheckedIOException;
import java.lang.reflect.Type;
import java.net.URLClassLoader;
import java.util.Iterator;
import java.util.ServiceLoader;

/** Between JSON and objects: by our own rules, or by the function's `CustomPojoSerializer` if its class path has one. */
final class Mapping {
  private final CustomPojoSerializer custom;

  Mapping(URLClassLoader loader) {
    // Only among the function's own files: `getResource`, and looking for providers, would take a cold start tens of
    // milliseconds in the virtual machine's.
    boolean hasOwn = loader.findResource("META-INF/services/" + CustomPojoSerializer.class.getName()) != null;
    Iterator<CustomPojoSerializer> found = hasOwn ? ServiceLoader.load(CustomPojoSerializer.class, loader).iterator() : null;
    custom = found != null && found.hasNext() ? found.next() : null;
  }

  Object read(byte[] event, Type type) {
    try {
      if (custom != null) return custom.fromJson(new ByteArrayInputStream(event), type);
      return FromJson.bind(JsonReader.read(event), type);
    } catch (RuntimeException cause) {
      throw new RuntimeException("An error occurred during JSON parsing", asInputOutput(cause));
    }
  }

  void write(Object value, Type type, Output answer) {
    try {
      if (custom != null) custom.toJson(value, answer, type);
      else ToJson.write(value, answer);
    } catch (RuntimeException cause) {
      throw new RuntimeException("An error occurred during JSON serialization of response", asInputOutput(cause));
    }
  }

  /** As AWS wraps it. */
  private static RuntimeException asInputOutput(RuntimeException cause) {
    if (!(cause instanceof JsonException)) return cause;
    return new UncheckedIOException(new java.io.IOException(cause.getMessage(), cause.getCause()));
  }
}
