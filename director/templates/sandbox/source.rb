require 'erb'

module Gantry
  # One template of a job, ready to be filled in for any number of instances. Reading a text and what it says of Ruby is most
  # of what a small template costs, so it is done once wherever that makes no difference.
  class Source
    # What the body of a method would take otherwise than a text that is evaluated in a binding, as templates are in BOSH.
    EVALUATED = /
      \b(?:alias|BEGIN|binding|break|caller\w*|class|coding|def|END|frozen\w*|it|module|next|redo|retry|return|super|undef|yield)\b
      |\beval|_eval|__|\b_\d\b|block_given|local_variable|%%>
    /x

    attr_reader :filename

    def initialize(filename, text, number)
      @filename = filename
      bytes = text.b
      return @plain = bytes unless bytes.include?('<%')

      @erb = ERB.new(text, trim_mode: '-')
      @erb.filename = filename
      @method_name = define(:"_gantry_source_#{number}") if bytes.scan(/<%.*?%>/m).none?(EVALUATED)
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

    # By way of a block, in which constants can be set. @returns nil where it does not compile: evaluating has words for that
    def define(name)
      context = Bosh::Common::Template::EvaluationContext
      text = "#{@erb.src.sub("\n", "\nproc {")}\n}"
      context.define_method(name, &eval(text, context.new({}, nil).get_binding, filename, @erb.lineno))
    rescue SyntaxError
      nil
    end
  end
end
