# Makes standard output and error of a function write whole lines as frames: two pipes have no order between them, and what
# a function prints and logs has one. An unfinished line goes to its own pipe, with its rest; so does all of a child's,
# because what two processes write to one pipe at once may get mixed up, and must not tear frames.

module Lambdad
  module PrintedLines
    def self.on(stream, sink)
      stream.instance_variable_set(:@lambdad_sink, sink)
      stream.extend(self)
    end

    def write(*parts)
      text = parts.map { |part| part.to_s.b }.join
      return super if text.empty? || Process.pid != @lambdad_sink.pid

      if @is_line_begun || !text.end_with?("\n")
        @is_line_begun = !text.end_with?("\n")
        return super
      end
      text.each_line { |line| @lambdad_sink.printed(line) }
      text.bytesize
    end
  end
end
