require 'erb'

module Gantry
  # One template of a job, ready to be filled in for any number of instances. Reading a text and what it says of Ruby is most
  # of what a small template costs, so it is done once wherever that makes no difference.
  class Source
    # What differs between the body of a method and a text that is evaluated anew in a binding, as templates are in BOSH: words
    # that mean something else there, and regular expressions that Ruby makes once for the place where they stand.
    EVALUATED = /
      \b(?:alias|BEGIN|binding|break|caller\w*|class|coding|def|END|frozen\w*|it|module|next|redo|retry|return|super|undef|yield)\b
      |\beval|_eval|__|\b_\d\b|block_given|local_variable|%%>|\/[imxunse]*o[imxounse]*\b|%r
    /x

    attr_reader :filename

    def initialize(filename, text, number)
      @filename = filename
      bytes = text.b
      return @plain = bytes unless bytes.include?('<%')

      @erb = ERB.new(text, trim_mode: '-')
      @erb.filename = filename
      @method_name = define("_gantry_source_#{number}") if bytes.scan(/<%.*?%>/m).none?(EVALUATED)
    rescue Exception => e # rubocop:disable Lint/RescueException
      @failed = e
    end

    # There is no Ruby in it, which could do something to the context.
    def plain?
      !@plain.nil?
    end

    # What does not compile fails when its turn comes, so that it stands beside the job's other faults.
    def result(context)
      return @plain if plain?
      raise @failed if @failed

      (@method_name ? context.__send__(@method_name) : @erb.result(context.get_binding)).to_s.b
    end

    private

    # Where the text is evaluated, so that constants are found as there. @returns nil where it does not compile, be it alone or as
    # a method, which sets no constants: evaluating it does, or has words for what is wrong.
    def define(name)
      RubyVM::InstructionSequence.compile(@erb.src) # nor does one that ends our method and begins another
      text = "#{@erb.src.sub("\n", "\ndef #{name};")}\nend"
      eval(text, Bosh::Common::Template::EvaluationContext.new({}, nil).get_binding, filename, @erb.lineno)
    rescue SyntaxError
      nil
    end
  end
end
