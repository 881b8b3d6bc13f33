# A client of the Runtime API, for one invocation at a time over one connection: requests are written as text, and an
# answer goes out together with the request for the next invocation. Responses must have a Content-Length.

# The part in C: socket.rb around it is not needed, and takes as long to load.
require "socket.so"

module Lambdad
  class RuntimeApi
    BASE = "/2018-06-01/runtime"

    Invocation = Struct.new(:headers, :body) do
      def request_id = headers["lambda-runtime-aws-request-id"]
    end

    def initialize(socket_path, address)
      @socket_path = socket_path
      @host, @port = address.split(":")
      @next = "GET #{BASE}/invocation/next HTTP/1.1\r\nHost: #{@host}\r\n\r\n"
    end

    # These return the next invocation, nil when there is no server any more.

    def next
      write(@next)
      invocation
    rescue SystemCallError, IOError
      nil
    end

    def respond(request_id, body)
      answer(head("/invocation/#{request_id}/response", body, nil), body)
    end

    def fail(request_id, type, body)
      answer(head("/invocation/#{request_id}/error", body, type), body)
    end

    # These report what ends the runtime.

    def init_error(type, body)
      report("/init/error", type, body)
    end

    def fail_last(request_id, type, body)
      report("/invocation/#{request_id}/error", type, body)
    end

    private

    def answer(head, body)
      write(head, body, @next)
      is_refused = read.first >= 300
      invocation
    rescue SystemCallError, IOError
      # The server may hang up on an answer that it refused (too large, too late): it has settled the invocation.
      return nil unless is_refused

      @socket = nil
      self.next
    end

    def report(path, type, body)
      write(head(path, body, type), body)
      read
    rescue SystemCallError, IOError
      nil # gone, and so are we
    end

    def head(path, body, type)
      type_line = type && "Lambda-Runtime-Function-Error-Type: #{type.gsub(/[^\x20-\x7e]/, "?")}\r\n"
      "POST #{BASE}#{path} HTTP/1.1\r\nHost: #{@host}\r\nContent-Type: application/json\r\n#{type_line}" \
        "Content-Length: #{body.bytesize}\r\n\r\n"
    end

    # In one write, as far as the kernel takes it.
    def write(*parts)
      @socket ||= connect
      @socket.write(parts.each_with_object(+"".b) { |part, text| text << part.b })
    end

    def connect
      socket = @socket_path ? UNIXSocket.new(@socket_path) : TCPSocket.new(@host, @port.to_i)
      socket.binmode
      socket.sync = true
      socket
    end

    def invocation
      status, headers, body = read
      raise IOError, "status #{status}" if status != 200

      Invocation.new(headers, body.force_encoding(Encoding::UTF_8))
    end

    def read
      status = line[9, 3].to_i
      headers = {}
      until (text = line).empty?
        name, value = text.split(":", 2)
        headers[name.downcase] = value.strip.force_encoding(Encoding::UTF_8)
      end
      length = headers["content-length"].to_i
      body = length.zero? ? +"" : @socket.read(length)
      raise EOFError if body.nil? || body.bytesize < length

      [status, headers, body]
    end

    def line
      text = @socket.gets("\r\n", 1024 * 1024) # lambdad sends at most AWS's 1 MB of headers
      raise EOFError unless text&.end_with?("\r\n")

      text.chomp("\r\n")
    end
  end
end
