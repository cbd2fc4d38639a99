# Renders templates with BOSH's own evaluation context, for scripts/template-fidelity.ts to compare with:
#   ruby -I BOSH_CHECKOUT/src/bosh-common/lib scripts/template-fidelity/oracle.rb
# One question per line: {"spec_file":…,"source_file":…,"filename":…,"spec":{…},"provided":{…}}; one answer per line.
# It reads the job's spec and binds the properties by itself, so that it shares nothing with what it is compared with.
require 'base64'
require 'digest'
require 'erb'
require 'ipaddr'
require 'json'
require 'openssl'
require 'set'
require 'time'
require 'uri'
require 'yaml'
begin
  require 'active_support'
rescue LoadError
  %w[active_support.rb active_support/core_ext/object/blank.rb].each { |feature| $LOADED_FEATURES << feature }
end
module Bosh
  module Common; end # what the library itself opens by its full name
end
require 'bosh/common/template/evaluation_context'

class Binder
  include Bosh::Common::Template::PropertyHelper

  def bind(definitions, provided)
    definitions.each_with_object({}) do |(name, definition), bound|
      validate_properties_format(provided, name)
      value = lookup_property(provided, name)
      value = (definition || {})['default'] if value.nil?
      set_property(bound, name, sort_property(value))
    end
  end
end

def render(question)
  definitions = YAML.load(File.read(question['spec_file']), aliases: true)['properties'] || {}
  properties = Binder.new.bind(definitions, question['provided'])
  spec = question['spec'].merge('properties' => properties)
  context = Bosh::Common::Template::EvaluationContext.new(spec, nil)
  erb = ERB.new(File.read(question['source_file'], encoding: 'UTF-8'), trim_mode: '-')
  erb.filename = question['filename']
  { content: Base64.strict_encode64(erb.result(context.get_binding)) }
rescue Exception => e
  frame = e.backtrace.find { |line| line.include?(question['filename']) } || '(unknown):(unknown)'
  { line: frame.split(':')[1], message: e.to_s }
end

answers = $stdout.dup
$stdout.reopen(File::NULL)
$stderr.reopen(File::NULL)
answers.sync = true
$stdin.each_line { |line| answers.puts(JSON.generate(render(JSON.parse(line)))) }
