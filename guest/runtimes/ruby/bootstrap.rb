# Starts the Ruby runtime: loads the handler, then answers one invocation after the other.
#
# An answer and the request for the next invocation leave in one write. What ends the runtime on AWS ends it here, with
# the same exit code: 252 where INIT fails, 255 after an exception that is no StandardError.

require_relative "lib/lambdad/api"
require_relative "lib/lambdad/context"
require_relative "lib/lambdad/errors"
require_relative "lib/lambdad/sink"
require "json"

# What the handler's method is called on where it has no class: AWS's name, which errors show.
class LambdaHandler
  attr_reader :file, :method_name

  def initialize(name)
    parts = name.split(".")
    raise ArgumentError, Lambdad::INVALID_HANDLER % parts.inspect unless [2, 3].include?(parts.size)

    @file, *@class_name, @method_name = parts
  end

  def call(event, context)
    return __send__(@method_name, event: event, context: context) if @class_name.empty?

    Kernel.const_get(@class_name.first).send(@method_name, event: event, context: context)
  end
end

module Lambdad
  INVALID_HANDLER = "Invalid handler %s, must be of form FILENAME.METHOD or FILENAME.CLASS.METHOD where FILENAME " \
                    "corresponds with an existing Ruby source file FILENAME.rb, CLASS is an optional module/class " \
                    "namespace and METHOD is a callable method. If using CLASS, METHOD must be a class-level method."

  class << self
    def run
      api = RuntimeApi.new(ENV["_LAMBDAD_RUNTIME_SOCKET"], ENV["AWS_LAMBDA_RUNTIME_API"])
      @sink = Sink.open(ENV["_LAMBDA_TELEMETRY_LOG_FD"])
      ENV.delete("_LAMBDA_TELEMETRY_LOG_FD")
      ENV.delete_if { |name, _| name.start_with?("_LAMBDAD_") }
      $stdout.sync = $stderr.sync = true
      Encoding.default_external = Encoding::UTF_8
      handler = load_handler(api, ENV["_HANDLER"].to_s)
      invocation = api.next
      invocation = serve(api, handler, invocation) while invocation
      # lambdad has gone: without it there is nothing to live for.
      exit!(1)
    end

    attr_reader :sink

    private

    def load_handler(api, name)
      handler = LambdaHandler.new(name)
      require handler.file
      handler
    rescue Exception => e # LoadError and SyntaxError are no StandardErrors
      error = error_of(e, "Init")
      @sink.error("Init error when loading handler #{name}", error)
      api.init_error(error[:errorType], JSON.generate(error))
      exit!(252)
    end

    # Answers one invocation; returns the next one.
    def serve(api, handler, invocation)
      @sink.request_id = invocation.request_id
      trace = invocation.headers["lambda-runtime-trace-id"]
      ENV["_X_AMZN_TRACE_ID"] = trace
      answer = answer_of(handler.call(JSON.parse(invocation.body), LambdaContext.new(invocation.headers)))
    rescue StandardError => e
      is_fatal = e.is_a?(NameError) # inferred from AWS's client: what the function does not have ends the runtime
      fail_with(api, invocation, e, is_fatal)
    rescue Exception => e
      fail_with(api, invocation, e, true)
    else
      api.respond(invocation.request_id, answer)
    end

    def answer_of(result)
      return result.read if result.respond_to?(:read)

      result.to_json
    end

    def fail_with(api, invocation, exception, is_fatal)
      error = error_of(exception, "Function")
      @sink.error(is_fatal ? "Critical exception from handler" : "Error raised from handler method", error)
      body = JSON.generate(error)
      return api.fail(invocation.request_id, error[:errorType], body) unless is_fatal

      api.fail_last(invocation.request_id, error[:errorType], body)
      exit!(255)
    end
  end
end

Lambdad.run
