package lambdad;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;

/**
 * One cold start without lambdad, from which the virtual machine makes the archive of classes that shortens real ones.
 * Plays the Runtime API for two invocations, one that is answered and one that fails, then hangs up.
 */
public final class Rehearsal implements RequestHandler<Rehearsal.Event, Map<String, Object>> {
  private static final String EVENT = "{\"name\":\"Jörg\",\"values\":[1,2.5,true,null],\"nested\":{\"key\":\"value\"}}";
  private static final String ACCEPTED = "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";

  public static final class Event {
    private String name;
    private List<Object> values;
    public Map<String, String> nested;

    public String getName() {
      return name;
    }

    public void setName(String value) {
      name = value;
    }

    public List<Object> getValues() {
      return values;
    }
  }

  private int invocations;

  @Override
  public Map<String, Object> handleRequest(Event event, Context context) {
    context.getLogger().log(context.getAwsRequestId() + context.getRemainingTimeInMillis() + "\n");
    System.out.println(event.name);
    if (invocations++ > 0) throw new IllegalStateException("rehearsed");
    Map<String, Object> answer = new java.util.LinkedHashMap<>();
    answer.put("event", event);
    answer.put("count", 1);
    return answer;
  }

  /** The class archive is written when the process exits. The argument is a directory without classes. */
  public static void main(String[] arguments) throws IOException {
    final ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
    Thread lambdad = new Thread("Runtime API") {
      @Override
      public void run() {
        serve(server);
      }
    };
    lambdad.setDaemon(true);
    lambdad.start();
    try {
      Bootstrap.start("127.0.0.1:" + server.getLocalPort(), Rehearsal.class.getName(), arguments[0], arguments[0]);
    } catch (IOException hungUp) {
      System.exit(0);
    }
    System.exit(1);
  }

  private static void serve(ServerSocket server) {
    byte[] event = EVENT.getBytes(StandardCharsets.UTF_8);
    String next = "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: rehearsal\r\nLambda-Runtime-Deadline-Ms: 1\r\n"
        + "Lambda-Runtime-Trace-Id: Root=1\r\nContent-Length: " + event.length + "\r\n\r\n";
    try (Socket socket = server.accept()) {
      InputStream input = socket.getInputStream();
      byte[] buffer = new byte[64 * 1024];
      for (int invocation = 0; invocation < 2; invocation++) {
        input.read(buffer); // the request for it, with the answer to the one before
        String answered = invocation == 0 ? "" : ACCEPTED;
        socket.getOutputStream().write((answered + next).getBytes(StandardCharsets.UTF_8));
        socket.getOutputStream().write(event);
      }
      input.read(buffer);
    } catch (IOException gone) {
      // The rehearsal ends either way.
    }
  }
}
