# Renders one job for many instances, by requests that come on one file and answers that go to another: the same
# in WebAssembly (vm.ts) and in a native child (native.rb).
#
# A request is one line of JSON and, behind it, as many raw bytes as its "bytes" says:
#   {"kind":"load","job":…,"sources":[{"path":…,"bytes":…}…],"dns":…,"output_bytes_max":…,"bytes":…}   first is monit
#   {"kind":"render","first":…,"bytes":…}   a line of JSON for each instance
#   {"kind":"end","bytes":0}
# An answer is the same: {"instance":n,"sizes":[…],"bytes":…} and the files, or {"instance":n,"faults":[…],"bytes":0},
# for each spec; then {"done":true,"bytes":0}. Raw bytes, because what a template makes need not be text.
require 'json'

module Gantry
  class JobServer
    # Enough for any message that a person reads; a template can raise with a whole file in its text.
    MESSAGE_BYTES_MAX = 8192
    # Deeper than any manifest; without a limit a nested document would use up the stack.
    NESTING_MAX = 500

    def initialize(requests, answers, progress)
      @requests = requests
      @answers = answers
      @progress = progress
    end

    # False when there is nothing more to serve.
    def serve_one
      line = @requests.gets or return false
      request = parse(line)
      body = request['bytes'].positive? ? @requests.read(request['bytes']).force_encoding(Encoding::UTF_8) : ''
      case request['kind']
      when 'load' then load(request, body)
      when 'render' then body.each_line.with_index(request['first']) { |spec, n| answer(n, spec) }
      end
      write({ done: true })
      request['kind'] != 'end'
    end

    private

    def load(request, body)
      @output_bytes_max = request['output_bytes_max']
      @dns = request['dns'] && DnsQueries.new(request['dns'])
      at = 0
      @sources = request['sources'].map.with_index do |source, n|
        text = body.byteslice(at, source['bytes'])
        at += source['bytes']
        Source.new(File.join(request['job'], source['path']), text, n)
      end
    end

    def answer(number, spec)
      contents, faults = render(number, spec)
      return write({ instance: number, faults: faults }) unless faults.empty?

      write({ instance: number, sizes: contents.map(&:bytesize) }, contents)
    end

    # A template sees what an earlier one left behind, unless that changed its properties or spec: then it gets a
    # new copy. Release authors rely on both halves of this rule.
    def render(number, spec)
      context = context_of(spec)
      original = nil
      contents = []
      faults = []
      room = @output_bytes_max
      @sources.each_with_index do |source, at|
        unless at.zero? || @sources[at - 1].plain?
          original ||= context_of(spec)
          context = context_of(spec) unless original == context
        end
        @progress.syswrite("#{number} #{at}\n")
        content, fault = evaluate(source, context)
        room -= content.bytesize
        fault ||= { kind: 'too-large', line: nil, message: '' } if room.negative?
        contents << content
        faults << fault.merge(source: at) if fault
        # Nobody looks at the templates of a job whose monit file fails; nor is there room for more output.
        break if fault && (at.zero? || room.negative?)
      end
      [contents, faults]
    end

    def evaluate(source, context)
      source.result(context)
    rescue Exception => e # rubocop:disable Lint/RescueException
      ['', fault_of(source.filename, e)]
    end

    # Each has its own strings and maps, since templates change those in place.
    def context_of(spec)
      Bosh::Common::Template::EvaluationContext.new(parse(spec), @dns)
    end

    def parse(line)
      JSON.parse(line, max_nesting: NESTING_MAX, allow_nan: true)
    end

    # The line is that of the innermost frame within the template itself.
    def fault_of(filename, error)
      frame = error.backtrace&.find { |line| line.include?(filename) } || '(unknown):(unknown)'
      message = error.to_s.b.byteslice(0, MESSAGE_BYTES_MAX).force_encoding(Encoding::UTF_8).scrub.strip
      kind = error.is_a?(NoMemoryError) ? 'out-of-memory' : 'raised'
      { kind: kind, line: frame.split(':')[1], message: message }
    rescue Exception => e # rubocop:disable Lint/RescueException
      { kind: 'raised', line: '(unknown)', message: "#{error.class} (its message cannot be had: #{e.class})" }
    end

    def write(header, contents = [])
      header[:bytes] = contents.sum(&:bytesize)
      @answers.write(JSON.generate(header), "\n", *contents)
    end
  end
end
