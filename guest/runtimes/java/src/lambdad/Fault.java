package lambdad;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.lang.reflect.InvocationTargetException;
import java.util.Arrays;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.Set;

/**
 * What went wrong, as AWS tells the caller and the log. Made of what the function threw, with the stack up to where our
 * bootstrap begins, or of what the runtime found out about the function, which has no stack.
 */
final class Fault extends Exception {
  private static final long serialVersionUID = 1;

  /** For the header: "Runtime.BadFunctionCode" or "Runtime.UserException". */
  final String headerType;
  /** After it nothing can be served: INIT failed, or the virtual machine is damaged. */
  final boolean isFatal;
  private final Throwable thrown;
  private final boolean hasStack;

  private Fault(String message, Throwable thrown, boolean hasStack, boolean isFatal) {
    super(message, thrown, false, false);
    this.thrown = thrown;
    this.hasStack = hasStack;
    this.isFatal = isFatal;
    headerType = hasStack ? "Runtime.UserException" : "Runtime.BadFunctionCode";
  }

  /** The function is not what its configuration says. AWS tells it with each invocation, not in INIT. */
  static Fault ofFunction(String message, Throwable cause) {
    return new Fault(message, cause, false, false);
  }

  /** INIT failed in the function's own code. */
  static Fault ofInit(String message, Throwable thrown) {
    return new Fault(message, thrown, false, true);
  }

  /** What a handler threw. */
  static Fault ofHandler(Throwable thrown) {
    boolean isFatal = thrown instanceof VirtualMachineError || thrown instanceof java.io.IOError;
    return new Fault(messageOf(thrown), cut(thrown), true, isFatal);
  }

  static Throwable unwrapped(InvocationTargetException thrown) {
    return thrown.getCause() == null ? thrown : thrown.getCause();
  }

  private static String messageOf(Throwable thrown) {
    String message = thrown.getLocalizedMessage();
    return message == null ? thrown.getClass().getName() : message;
  }

  /** Takes our frames, and what is below them, off its stack and those of its causes and of what it suppressed. */
  private static Throwable cut(Throwable thrown) {
    cut(thrown, Collections.newSetFromMap(new IdentityHashMap<Throwable, Boolean>()));
    return thrown;
  }

  /** They may be circles. */
  private static void cut(Throwable thrown, Set<Throwable> seen) {
    for (Throwable each = thrown; each != null && seen.add(each); each = each.getCause()) {
      StackTraceElement[] stack = each.getStackTrace();
      int own = 0;
      while (own < stack.length && !stack[own].getClassName().startsWith("lambdad.")) own++;
      // The reflective call in front of ours is nobody's either.
      while (own > 0 && own < stack.length && isReflection(stack[own - 1].getClassName())) own--;
      each.setStackTrace(Arrays.copyOf(stack, own));
      for (Throwable suppressed : each.getSuppressed()) cut(suppressed, seen);
    }
  }

  private static boolean isReflection(String name) {
    return name.startsWith("java.lang.reflect.") || name.startsWith("java.lang.invoke.")
        || name.startsWith("jdk.internal.reflect.") || name.startsWith("sun.reflect.");
  }

  /** A chain of causes may be a circle. */
  private static final int CAUSES_MAX = 20;

  Output toJson() {
    JsonWriter json = new JsonWriter(new Output());
    if (hasStack) {
      write(json, thrown, 0);
    } else {
      json.beginObject().name("errorMessage").value(getMessage());
      if (thrown != null) json.name("errorType").value(thrown.getClass().getName());
      json.endObject();
    }
    return json.output();
  }

  private static void write(JsonWriter json, Throwable thrown, int depth) {
    json.beginObject();
    json.name("errorMessage").value(messageOf(thrown));
    json.name("errorType").value(thrown.getClass().getName());
    json.name("stackTrace").beginArray();
    for (StackTraceElement frame : thrown.getStackTrace()) json.value(frame.toString());
    json.endArray();
    if (thrown.getCause() != null && depth < CAUSES_MAX) {
      json.name("cause");
      write(json, thrown.getCause(), depth + 1);
    }
    json.endObject();
  }

  /** For the log. */
  String report() {
    if (thrown == null) return getMessage() + "\n";
    StringWriter stack = new StringWriter();
    cut(thrown).printStackTrace(new PrintWriter(stack));
    return getMessage() + ": " + thrown.getClass().getName() + "\n" + stack + "\n";
  }
}
