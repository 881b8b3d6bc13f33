package lambdad;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;

/**
 * A client of the Runtime API, for one invocation at a time over one connection: an answer and the request for the next
 * invocation leave in one write. Responses must have a Content-Length. Without a server the process ends.
 */
final class RuntimeApi {
  private static final String BASE = "/2018-06-01/runtime";
  /** Headers of one response: lambdad sends at most AWS's 1 MB. */
  private static final int HEAD_BYTES_MAX = 1024 * 1024;

  private final String host;
  private final int port;
  private final String nextRequest;
  private final byte[] buffer = new byte[64 * 1024];
  private int start;
  private int end;
  private Socket socket;
  private InputStream input;

  RuntimeApi(String address) {
    int colon = address.lastIndexOf(':');
    host = address.substring(0, colon);
    port = Integer.parseInt(address.substring(colon + 1));
    nextRequest = "GET " + BASE + "/invocation/next HTTP/1.1\r\nHost: " + host + "\r\n\r\n";
  }

  /** One event with the headers that came with it, by their names in lower case. */
  static final class Invocation {
    final Map<String, String> headers;
    final byte[] event;
    final String requestId;

    private Invocation(Map<String, String> headers, byte[] event) {
      this.headers = headers;
      this.event = event;
      this.requestId = headers.get("lambda-runtime-aws-request-id");
    }
  }

  Invocation next() throws IOException {
    send(new Output());
    return invocation();
  }

  Invocation respond(String requestId, Output answer) throws IOException {
    return answered(head("/invocation/" + requestId + "/response", answer.size(), ""), answer);
  }

  Invocation fail(String requestId, String errorType, Output error) throws IOException {
    return answered(head("/invocation/" + requestId + "/error", error.size(), errorType), error);
  }

  /** Waits until the snapshot that this process is has been restored. */
  void restoreNext() throws IOException {
    Output request = new Output();
    request.ascii("GET " + BASE + "/restore/next HTTP/1.1\r\nHost: " + host + "\r\n\r\n");
    write(request);
    int status = read().status;
    if (status != 200) throw new IOException("status " + status);
  }

  /** `phase`: "init" or "restore". */
  void startError(String phase, String errorType, Output error) throws IOException {
    report("/" + phase + "/error", errorType, error);
  }

  /** Answers with an error, and asks for nothing more. */
  void failLast(String requestId, String errorType, Output error) throws IOException {
    report("/invocation/" + requestId + "/error", errorType, error);
  }

  private void report(String path, String errorType, Output error) throws IOException {
    Output request = head(path, error.size(), errorType);
    request.write(error.bytes(), 0, error.size());
    write(request);
    read();
  }

  private Invocation answered(Output head, Output body) throws IOException {
    head.write(body.bytes(), 0, body.size());
    boolean isRefused = false;
    try {
      send(head);
      isRefused = read().status >= 300;
      return invocation();
    } catch (IOException lost) {
      // The server may hang up on an answer that it refused (too large, too late); it has settled the invocation.
      if (!isRefused) throw lost;
      socket.close();
      socket = null;
      return next();
    }
  }

  private Output head(String path, int bodyBytes, String errorType) {
    Output request = new Output();
    request.ascii("POST " + BASE + path + " HTTP/1.1\r\nHost: " + host + "\r\nContent-Type: application/json\r\n");
    if (!errorType.isEmpty()) request.ascii("Lambda-Runtime-Function-Error-Type: " + errorType + "\r\n");
    request.ascii("Content-Length: " + bodyBytes + "\r\n\r\n");
    return request;
  }

  /** The request, and the one for the next invocation. */
  private void send(Output request) throws IOException {
    request.ascii(nextRequest);
    write(request);
  }

  private void write(Output request) throws IOException {
    if (socket == null) {
      // No proxy: finding out that there is none takes a cold start some milliseconds.
      socket = new Socket(Proxy.NO_PROXY);
      socket.connect(new InetSocketAddress(host, port));
      socket.setTcpNoDelay(true);
      input = socket.getInputStream();
      start = end = 0;
    }
    socket.getOutputStream().write(request.bytes(), 0, request.size());
  }

  private Invocation invocation() throws IOException {
    Response response = read();
    if (response.status != 200) throw new IOException("status " + response.status);
    return new Invocation(response.headers, response.body);
  }

  private static final class Response {
    int status;
    final Map<String, String> headers = new HashMap<>();
    byte[] body;
  }

  private Response read() throws IOException {
    Response response = new Response();
    String status = line();
    response.status = Integer.parseInt(status.substring(9, 12));
    for (String line = line(); !line.isEmpty(); line = line()) {
      int colon = line.indexOf(':');
      response.headers.put(line.substring(0, colon).toLowerCase(Locale.ROOT), line.substring(colon + 1).trim());
    }
    String length = response.headers.get("content-length");
    response.body = new byte[length == null ? 0 : Integer.parseInt(length)];
    for (int filled = 0; filled < response.body.length; ) {
      if (start == end) fill();
      int taken = Math.min(end - start, response.body.length - filled);
      System.arraycopy(buffer, start, response.body, filled, taken);
      start += taken;
      filled += taken;
    }
    return response;
  }

  private String line() throws IOException {
    Output line = new Output();
    while (line.size() < HEAD_BYTES_MAX) {
      if (start == end) fill();
      byte next = buffer[start++];
      if (next == '\n') return new String(line.bytes(), 0, line.size(), StandardCharsets.UTF_8);
      if (next != '\r') line.write(next);
    }
    throw new IOException("a header is too long");
  }

  private void fill() throws IOException {
    start = 0;
    end = input.read(buffer, 0, buffer.length);
    if (end <= 0) throw new EOFException();
  }
}
