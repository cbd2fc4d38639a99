# Renders one job for many instances, by requests that come on one file and answers that go to another: the same
# in WebAssembly (vm.ts) and in a native child (native.rb).
#
# A request is one line of JSON and, behind it, as many raw bytes as its "bytes" says:
#   {"kind":"load","job":…,"sources":[{"path":…,"bytes":…}…],"dns":…,"output_bytes_max":…,"bytes":…}   first is monit
#   {"kind":"render","first":…,"specs":[…],"bytes":0}
#   {"kind":"end","bytes":0}
# An answer is the same: {"instance":n,"sizes":[…],"bytes":…} and the files, or {"instance":n,"faults":[…],"bytes":0},
# for each spec; then {"done":true,"bytes":0}. Raw bytes, because what a template makes need not be text.
require 'erb'
require 'json'

module Gantry
  class JobServer
    # Enough for any message that a person reads; a template can raise with a whole file in its text.
    MESSAGE_BYTES_MAX = 8192
    # Deeper than any manifest; without a limit a nested document would use up the stack.
    NESTING_MAX = 500

    Source = Struct.new(:filename, :erb, :fault)

    def initialize(requests, answers, progress)
      @requests = requests
      @answers = answers
      @progress = progress
    end

    # False when there is nothing more to serve.
    def serve_one
      line = @requests.gets or return false
      request = JSON.parse(line, max_nesting: NESTING_MAX, allow_nan: true)
      body = request['bytes'].positive? ? @requests.read(request['bytes']) : ''
      case request['kind']
      when 'load' then load(request, body)
      when 'render' then request['specs'].each.with_index(request['first']) { |spec, n| answer(n, spec) }
      end
      write({ done: true })
      request['kind'] != 'end'
    end

    private

    def load(request, body)
      @output_bytes_max = request['output_bytes_max']
      @dns = request['dns'] && DnsQueries.new(request['dns'])
      at = 0
      @sources = request['sources'].map do |source|
        text = body.byteslice(at, source['bytes']).force_encoding(Encoding::UTF_8)
        at += source['bytes']
        compile(File.join(request['job'], source['path']), text)
      end
    end

    # What does not compile fails when its turn comes, so that it stands beside the job's other faults.
    def compile(filename, text)
      erb = ERB.new(text, trim_mode: '-')
      erb.filename = filename
      Source.new(filename, erb)
    rescue Exception => e # rubocop:disable Lint/RescueException
      Source.new(filename, nil, fault_of(filename, e))
    end

    def answer(number, spec)
      contents, faults = render(number, spec)
      return write({ instance: number, faults: faults }) unless faults.empty?

      write({ instance: number, sizes: contents.map(&:bytesize) }, contents)
    end

    # A template sees what an earlier one left behind, unless that changed its properties or spec: then it gets a
    # new copy. Release authors rely on both halves of this rule.
    def render(number, spec)
      pristine = Marshal.dump(spec)
      original = context_of(pristine)
      context = context_of(pristine)
      contents = []
      faults = []
      room = @output_bytes_max
      @sources.each_with_index do |source, at|
        context = context_of(pristine) unless at.zero? || original == context
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
      return ['', source.fault] if source.fault

      source.erb.result(context.get_binding).to_s.b
    rescue Exception => e # rubocop:disable Lint/RescueException
      ['', fault_of(source.filename, e)]
    end

    # Each has its own strings and maps, since templates change those in place.
    def context_of(pristine)
      Bosh::Common::Template::EvaluationContext.new(Marshal.load(pristine), @dns)
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
