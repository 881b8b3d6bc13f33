package lambdad;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import com.amazonaws.services.lambda.runtime.RequestStreamHandler;
import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Type;

/**
 * Finds the handler: `pkg.Class::method` in any of AWS's signatures, or `pkg.Class` that implements one of AWS's
 * interfaces. What is wrong with the function is told with each invocation, in AWS's words; what it throws while it is
 * loaded ends INIT.
 */
final class Handlers {
  private final Mapping mapping;

  Handlers(Mapping mapping) {
    this.mapping = mapping;
  }

  /** Throws a `Fault` that is fatal, or gives a handler that throws one that is not. */
  Handler load(String name, ClassLoader loader) throws Fault {
    try {
      return find(name, loader);
    } catch (Fault fault) {
      if (fault.isFatal) throw fault;
      return new Faulty(fault);
    }
  }

  private Handler find(String name, ClassLoader loader) throws Fault {
    int colons = name.lastIndexOf("::");
    String className = colons < 0 ? name : name.substring(0, colons);
    String method = colons < 0 ? null : name.substring(colons + 2);
    if (className.isEmpty() || (method != null && method.isEmpty())) {
      throw Fault.ofFunction("Invalid handler: `" + name + "'", null);
    }
    Class<?> type = loadClass(className, loader);
    if (method != null) return ofMethod(type, method);
    if (RequestStreamHandler.class.isAssignableFrom(type)) return new Streaming((RequestStreamHandler) instance(type));
    if (RequestHandler.class.isAssignableFrom(type)) return ofRequestHandler(type);
    throw Fault.ofFunction("Class " + className + " does not implement an appropriate handler interface", null);
  }

  private static Class<?> loadClass(String name, ClassLoader loader) throws Fault {
    try {
      return Class.forName(name, true, loader);
    } catch (ClassNotFoundException missing) {
      throw Fault.ofFunction("Class not found: " + name, missing);
    } catch (Throwable thrown) {
      String reason = thrown.getMessage() == null ? "" : ": " + thrown.getMessage();
      throw Fault.ofInit("Error loading class " + name + reason, thrown);
    }
  }

  private static Object instance(Class<?> type) throws Fault {
    try {
      Constructor<?> constructor = type.getConstructor();
      constructor.setAccessible(true);
      return constructor.newInstance();
    } catch (NoSuchMethodException missing) {
      throw Fault.ofFunction("Class " + type.getName() + " has no public zero-argument constructor", missing);
    } catch (InstantiationException isAbstract) {
      throw Fault.ofFunction("Class " + type.getName() + " cannot be instantiated", isAbstract);
    } catch (InvocationTargetException thrown) {
      Throwable cause = Fault.unwrapped(thrown);
      String message = cause.getLocalizedMessage();
      throw Fault.ofInit(message == null ? cause.getClass().getName() : message, cause);
    } catch (IllegalAccessException notPublic) {
      throw Fault.ofFunction("Class " + type.getName() + "'s zero-argument constructor is not accessible", notPublic);
    }
  }

  @SuppressWarnings("unchecked")
  private Handler ofRequestHandler(Class<?> type) throws Fault {
    Type[] arguments = Types.argumentsOf(type, RequestHandler.class);
    if (arguments == null) {
      String wanted = RequestHandler.class.getName();
      throw Fault.ofFunction("Class " + type.getName() + " does not implement " + wanted + " with concrete type parameters", null);
    }
    return new Mapped((RequestHandler<Object, Object>) instance(type), arguments[0], arguments[1], mapping);
  }

  private Handler ofMethod(Class<?> type, String name) throws Fault {
    Method best = null;
    for (Method each : type.getMethods()) {
      if (!each.getName().equals(name) || !isHandler(each.getParameterTypes())) continue;
      if (best == null || weight(each) > weight(best)) best = each;
    }
    if (best == null) {
      throw Fault.ofFunction(
          "No public method named " + name + " with appropriate method signature found on class " + type, null);
    }
    best.setAccessible(true);
    return new Reflected(Modifier.isStatic(best.getModifiers()) ? null : instance(type), best, type, mapping);
  }

  /** Any event; then a stream to write to if the event is one; then the context. */
  private static boolean isHandler(Class<?>[] parameters) {
    int count = parameters.length;
    boolean hasContext = count > 0 && parameters[count - 1] == Context.class;
    int others = hasContext ? count - 1 : count;
    if (others == 2) return parameters[0] == InputStream.class && parameters[1] == OutputStream.class;
    return others < 2;
  }

  /**
   * AWS's choice among methods of one name: the one with the most parameters, then the one with the context. The compiler's
   * bridges come last: there is nothing else of a method that is inherited from a class which is not public.
   */
  private static int weight(Method method) {
    Class<?>[] parameters = method.getParameterTypes();
    boolean hasContext = parameters.length > 0 && parameters[parameters.length - 1] == Context.class;
    return parameters.length * 2 + (hasContext ? 1 : 0) - (method.isBridge() ? BRIDGE : 0);
  }

  /** More than parameters of a handler can weigh. */
  private static final int BRIDGE = 100;

  private static final class Faulty implements Handler {
    private final Fault fault;

    Faulty(Fault fault) {
      this.fault = fault;
    }

    @Override
    public void call(byte[] event, Output answer, Context context) throws Fault {
      throw fault;
    }
  }

  private static final class Streaming implements Handler {
    private final RequestStreamHandler handler;

    Streaming(RequestStreamHandler handler) {
      this.handler = handler;
    }

    @Override
    public void call(byte[] event, Output answer, Context context) throws Throwable {
      handler.handleRequest(new ByteArrayInputStream(event), answer, context);
    }
  }

  private static final class Mapped implements Handler {
    private final RequestHandler<Object, Object> handler;
    private final Type input;
    private final Type output;
    private final Mapping mapping;

    Mapped(RequestHandler<Object, Object> handler, Type input, Type output, Mapping mapping) {
      this.handler = handler;
      this.input = input;
      this.output = output;
      this.mapping = mapping;
    }

    @Override
    public void call(byte[] event, Output answer, Context context) throws Throwable {
      mapping.write(handler.handleRequest(mapping.read(event, input), context), output, answer);
    }
  }

  private static final class Reflected implements Handler {
    private final Object target;
    private final Method method;
    private final Class<?>[] parameters;
    private final Type input;
    private final Type output;
    private final Mapping mapping;
    private final boolean writesItself;

    Reflected(Object target, Method method, Class<?> type, Mapping mapping) {
      this.target = target;
      this.method = method;
      this.mapping = mapping;
      parameters = method.getParameterTypes();
      Type[] generic = method.getGenericParameterTypes();
      input = generic.length == 0 ? null : Types.resolve(generic[0], Types.bindingsOf(type));
      output = Types.resolve(method.getGenericReturnType(), Types.bindingsOf(type));
      writesItself = parameters.length > 1 && parameters[1] == OutputStream.class;
    }

    @Override
    public void call(byte[] event, Output answer, Context context) throws Throwable {
      Object[] arguments = new Object[parameters.length];
      for (int index = 0; index < arguments.length; index++) {
        if (parameters[index] == Context.class) arguments[index] = context;
        else if (parameters[index] == OutputStream.class && index == 1) arguments[index] = answer;
        else if (parameters[index] == InputStream.class) arguments[index] = new ByteArrayInputStream(event);
        else arguments[index] = mapping.read(event, input);
      }
      Object result;
      try {
        result = method.invoke(target, arguments);
      } catch (InvocationTargetException thrown) {
        throw Fault.unwrapped(thrown);
      }
      if (!writesItself) mapping.write(result, output, answer);
    }
  }
}
