package lambdad;

import com.amazonaws.services.lambda.runtime.LambdaRuntimeInternal;
import java.io.File;
import java.io.FileDescriptor;
import java.io.IOException;
import java.net.MalformedURLException;
import java.net.URL;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Loads the handler, then answers one invocation after the other. The function's classes have a loader of their own
 * below this one's, which has AWS's interfaces: they are the same to the function and to us, whatever copy it brings.
 */
public final class Bootstrap {
  private static final String TRACE_PROPERTY = "com.amazonaws.xray.traceHeader";

  private Bootstrap() {}

  /** The argument is where layers lie. */
  public static void main(String[] arguments) {
    try {
      start(
          System.getenv("AWS_LAMBDA_RUNTIME_API"),
          System.getenv("_HANDLER"),
          System.getenv("LAMBDA_TASK_ROOT"),
          arguments[0]);
    } catch (IOException gone) {
      // lambdad has gone: without it there is nothing to live for, and nobody to tell.
    }
    // Not by returning: threads of the function would keep the process.
    System.exit(1);
  }

  /** Returns, or throws, when nothing more can be served. */
  static void start(String address, String handlerName, String taskRoot, String layers) throws IOException {
    LogSink sink = new LogSink(
        System.getenv("_LAMBDA_TELEMETRY_LOG_FD"),
        System.getenv("AWS_LAMBDA_LOG_FORMAT"),
        System.getenv("AWS_LAMBDA_LOG_LEVEL"));
    System.setOut(sink.printed(FileDescriptor.out));
    System.setErr(sink.printed(FileDescriptor.err));
    Runtime.getRuntime().addShutdownHook(new Thread("printed lines") {
      @Override
      public void run() {
        flush();
      }
    });
    LambdaRuntimeInternal.setLogger(sink);
    RuntimeApi api = new RuntimeApi(address);
    FunctionLoader loader = new FunctionLoader(classPath(taskRoot, layers), Bootstrap.class.getClassLoader());
    Thread.currentThread().setContextClassLoader(loader);
    Handler handler;
    try {
      handler = new Handlers(new Mapping(loader)).load(handlerName, loader);
    } catch (Fault fault) {
      flush();
      sink.error(fault.report());
      api.startError("init", fault.headerType, fault.toJson());
      return;
    }
    if (SnapStart.isWanted() && !SnapStart.awaitRestore(api, sink)) return;
    RuntimeApi.Invocation invocation = api.next();
    while (invocation != null) invocation = serve(api, sink, handler, invocation);
  }

  /** Answers one invocation; returns the next one, or null when nothing more can be served. */
  private static RuntimeApi.Invocation serve(RuntimeApi api, LogSink sink, Handler handler, RuntimeApi.Invocation invocation)
      throws IOException {
    sink.serve(invocation);
    String trace = invocation.headers.get("lambda-runtime-trace-id");
    if (trace == null) System.clearProperty(TRACE_PROPERTY);
    else System.setProperty(TRACE_PROPERTY, trace);
    Output answer = new Output();
    Fault fault = null;
    try {
      handler.call(invocation.event, answer, new InvocationContext(invocation.headers, sink));
    } catch (Fault ofRuntime) {
      fault = ofRuntime;
    } catch (Throwable thrown) {
      fault = Fault.ofHandler(thrown);
    }
    Thread.interrupted(); // so that what the function did to this thread does not meet its next invocation
    if (fault != null) sink.error(fault.report());
    flush();
    if (fault == null) return api.respond(invocation.requestId, answer);
    if (!fault.isFatal) return api.fail(invocation.requestId, fault.headerType, fault.toJson());
    api.failLast(invocation.requestId, fault.headerType, fault.toJson());
    return null;
  }

  static void flush() {
    System.out.flush();
    System.err.flush();
  }

  /** AWS's order: the code, its jars, the layers' jars; jars by their names. */
  private static URL[] classPath(String taskRoot, String layers) throws MalformedURLException {
    List<URL> urls = new ArrayList<>();
    urls.add(directory(taskRoot));
    addJars(urls, new File(taskRoot, "lib"));
    addJars(urls, new File(layers, "java/lib"));
    return urls.toArray(new URL[0]);
  }

  /** By hand, because `File.toURI` costs a cold start more. */
  private static URL directory(String path) throws MalformedURLException {
    return new URL("file", null, path + "/");
  }

  private static void addJars(List<URL> urls, File directory) throws MalformedURLException {
    String[] names = directory.list();
    if (names == null) return;
    Arrays.sort(names);
    for (String name : names) if (name.endsWith(".jar")) urls.add(new File(directory, name).toURI().toURL());
  }
}
