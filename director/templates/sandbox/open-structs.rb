# Makes OpenStruct cheap to create. Ruby's own defines two methods for each field of each new one, which was most of what it
# cost to render a template that asks for `spec`. Here a field gets them at once only where an inherited method would answer
# in its place; the others answer by method_missing. A template could tell the difference by adding methods to Object later.
require 'ostruct'

class OpenStruct
  alias_method :define_ostruct_member!, :new_ostruct_member!
  alias_method :call_missing_member!, :method_missing
  alias_method :freeze_ostruct!, :freeze
  private :define_ostruct_member!, :call_missing_member!, :freeze_ostruct!

  # What these tell of a struct, they tell of its fields.
  %i[methods public_methods singleton_methods method public_method singleton_method].each do |asked|
    define_method(asked) do |*given|
      define_ostruct_members!
      super(*given)
    end
  end

  # Nothing can be defined afterwards.
  def freeze
    define_ostruct_members!
    freeze_ostruct!
  end

  private

  def new_ostruct_member!(name)
    define_ostruct_member!(name) if inherited?(name)
  end

  def inherited?(name)
    self.class!.method_defined?(name) || self.class!.private_method_defined?(name)
  end

  # Ruby's own defines nothing for what is a field already, so it is shown an empty struct.
  def define_ostruct_members!
    return if frozen?

    fields = @table
    @table = {}
    fields.each_key { |name| define_ostruct_member!(name) }
  ensure
    @table = fields unless fields.nil?
  end

  def respond_to_missing?(name, all = false)
    field?(name.end_with?('=') ? name[0..-2].to_sym : name) || super
  end

  def method_missing(name, *given, &block)
    return @table[name] if given.empty? && !name.end_with?('=')
    return call_missing_member!(name, *given, &block) unless field?(name)

    define_ostruct_members! # so that it says what it takes
    public_send(name, *given)
  end

  def field?(name)
    !@table.nil? && @table.key?(name)
  end
end
