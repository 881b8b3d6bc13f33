# AWS's JSON of an exception: its class in "Function<…>" or "Init<…>", and the stack up to where our bootstrap begins.

module Lambdad
  OWN_FILES = File.expand_path("../..", __dir__)
  FRAMES_MAX = 100

  def self.error_of(exception, classification)
    frames = (exception.backtrace || []).first(FRAMES_MAX)
    {
      errorMessage: exception.message.encode(Encoding::UTF_8, invalid: :replace, undef: :replace),
      errorType: "#{classification}<#{exception.class}>",
      stackTrace: frames.take_while { |frame| !frame.start_with?(OWN_FILES) },
    }
  end
end
