# What `require "logger"` finds first: Ruby's own, whose loggers on standard output and error then write log events with
# the request's id, as AWS's do. Costs nothing until a function asks for it.

begin
  $LOAD_PATH.delete(__dir__)
  require "logger"
ensure
  $LOAD_PATH.unshift(__dir__)
end

module Lambdad
  module LoggerFormat
    FORMAT = "%s, [%s #%d] %5s %s -- %s: %s\n"

    def self.call(severity, time, progname, message)
      text = Logger::Formatter.new.send(:msg2str, message)
      sink = Lambdad.sink
      unless sink.json?
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S.%6N")
        return format(FORMAT, severity[0], stamp, Process.pid, severity, sink.request_id, progname, text)
      end
      line = { timestamp: sink.timestamp(time.dup), level: severity, message: text, requestId: sink.request_id }
      line[:progname] = progname if progname
      JSON.generate(line.compact)
    end
  end

  # The device behind a logger of standard output or error.
  class LogDevice
    attr_writer :level

    def write(text) = Lambdad.sink.write(text, @level)

    def close; end
  end

  module LoggerPatch
    LEVELS = { "TRACE" => Logger::DEBUG, "DEBUG" => Logger::DEBUG, "INFO" => Logger::INFO, "WARN" => Logger::WARN,
               "ERROR" => Logger::ERROR, "FATAL" => Logger::FATAL }.freeze

    def initialize(device = nil, *rest, **options)
      return super unless [$stdout, $stderr, STDOUT, STDERR].include?(device)

      level = LEVELS[ENV["AWS_LAMBDA_LOG_LEVEL"].to_s.upcase]
      @lambdad_device = LogDevice.new
      super(@lambdad_device, *rest, **{ formatter: LoggerFormat, **(level ? { level: level } : {}), **options })
    end

    def add(severity, *)
      @lambdad_device.level = format_severity(severity || Logger::UNKNOWN) if @lambdad_device
      super
    end
  end
end

Logger.prepend(Lambdad::LoggerPatch)
