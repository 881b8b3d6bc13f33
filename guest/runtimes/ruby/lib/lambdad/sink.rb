# Where the runtime's own log events and those of `Logger` go: as frames to the log descriptor if lambdad gave one, else to
# standard output. A frame keeps its newlines and is one event.

require_relative "printed_lines"

module Lambdad
  class Sink
    TEXT_FRAME = 0xa55a0003
    JSON_FRAME = 0xa55a0002
    LEVEL_BITS = { "DEBUG" => 0x08, "INFO" => 0x0c, "WARN" => 0x10, "ERROR" => 0x14, "FATAL" => 0x18 }.freeze

    attr_accessor :request_id
    attr_reader :pid

    def self.open(descriptor)
      new(descriptor && IO.for_fd(descriptor.to_i, "wb", autoclose: false))
    rescue SystemCallError
      new(nil) # not a descriptor of ours
    end

    def initialize(frames)
      @frames = frames
      @frames.sync = true if frames
      @pid = Process.pid
      frame_printed_lines if frames
      @json = ENV["AWS_LAMBDA_LOG_FORMAT"].to_s.casecmp?("JSON")
    end

    def json? = @json

    def write(text, level)
      return $stdout.write(text.end_with?("\n") ? text : "#{text}\n") unless @frames

      body = text.encode(Encoding::UTF_8, invalid: :replace, undef: :replace).b
      frame((json? ? JSON_FRAME : TEXT_FRAME) | LEVEL_BITS.fetch(level, 0), body)
    end

    def frame_printed_lines
      # Ruby's `warn` writes past the object that it started with, and through any other.
      $stderr = IO.for_fd($stderr.fileno, "w", autoclose: false)
      [$stdout, $stderr, STDERR].each { |stream| PrintedLines.on(stream, self) }
    end

    # A line as bytes, whatever they are.
    def printed(line) = frame(TEXT_FRAME, line)

    def frame(kind, body)
      now_usec = Process.clock_gettime(Process::CLOCK_REALTIME, :microsecond)
      @frames.write([kind, body.bytesize, now_usec].pack("NNQ>") << body)
    end

    # What was raised, as AWS logs it: a title, and the error as it goes to the caller.
    def error(title, error)
      if json?
        write(JSON.generate({ timestamp: timestamp, level: "ERROR", message: title, requestId: request_id, **error }), "ERROR")
      else
        write("#{title}\n#{JSON.pretty_generate(error)}", "ERROR")
      end
    end

    def timestamp(time = Time.now) = time.utc.strftime("%Y-%m-%dT%H:%M:%S.%LZ")
  end
end
