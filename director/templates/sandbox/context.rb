# What a job template can name: p, if_p, link, if_link, spec, properties, name, index. Class names are those that
# release authors know, because templates rescue them and Ruby's messages print them.
# Source of the rules: https://bosh.io/docs/jobs/#properties and bosh-common's template specs.
require 'ostruct'
require 'shellwords'

module Bosh
  module Common
    module Template
      class EvaluationFailed < StandardError; end
      class InvalidPropertyType < StandardError; end

      class UnknownProperty < StandardError
        attr_reader :name

        # `names` is printed as Ruby prints an array: operators search for that text.
        def initialize(names)
          @name = names
          super("Can't find property '#{names}'")
        end
      end

      class UnknownLink < StandardError
        def initialize(name)
          super("Can't find link '#{name}'")
        end
      end

      module PropertyHelper
        # Follows a dotted path by plain `[]`, whatever it meets: a template sees the same oddities as in BOSH
        # (a string in the middle of the path is searched, an array raises TypeError).
        def lookup_property(collection, path)
          path.split('.').reduce(collection) { |at, key| at.nil? ? (return nil) : at[key] }
        end
      end

      # p and if_p, over whatever `property_source` gives. A value of nil counts as missing.
      module PropertyReader
        include PropertyHelper

        def p(*args)
          names = Array(args[0])
          names.each do |name|
            value = lookup_property(property_source, name)
            return value unless value.nil?
          end
          return args[1] if args.length == 2

          raise UnknownProperty, names
        end

        def if_p(*names)
          values = []
          names.each do |name|
            value = lookup_property(property_source, name)
            return EvaluationContext::ActiveElseBlock.new(self) if value.nil?

            values << value
          end
          yield(*values)
          EvaluationContext::InactiveElseBlock.new
        end
      end

      class EvaluationLinkInstance
        include PropertyReader
        FIELDS = %w[name index id az address properties bootstrap].freeze
        attr_reader(*FIELDS)

        def initialize(instance)
          FIELDS.each { |field| instance_variable_set("@#{field}", instance[field]) }
        end

        private

        def property_source
          @properties
        end
      end

      class EvaluationLink
        include PropertyReader
        attr_reader :instances, :properties

        def initialize(link, dns_encoder)
          @instances = link['instances'].map { |instance| EvaluationLinkInstance.new(instance) }
          @properties = link['properties']
          @manual_address = link['address']
          @manual = link.key?('address')
          @dns_encoder = dns_encoder
          by_link = link.fetch('use_link_dns_names', false)
          @query = {
            group_name: by_link ? link['group_name'] : link['instance_group'],
            group_type: by_link ? 'link' : 'instance-group',
            default_network: link['default_network'],
            deployment_name: link['deployment_name'],
            root_domain: link['domain'],
          }
          @use_short_dns = link.fetch('use_short_dns_addresses', false)
        end

        # A name that resolves to the instances of this link that meet the criteria; what the manifest says, where
        # the link was written by hand.
        def address(criteria = {})
          return @manual_address if @manual
          raise NotImplementedError, 'link.address needs the DNS tables of a director' if @dns_encoder.nil?

          @dns_encoder.encode_query(criteria.merge(@query), @use_short_dns)
        end

        private

        def property_source
          @properties
        end
      end

      class EvaluationContext
        include PropertyReader
        attr_reader :name, :index, :raw_properties

        def initialize(spec, dns_encoder)
          unless spec.is_a?(Hash)
            raise EvaluationFailed, "The spec of a template must be a Hash, and it is a #{spec.class}"
          end

          @name = spec['name']
          @index = spec['index']
          @raw_properties = spec['properties'] || {}
          @links = spec['links'] || {}
          @dns_encoder = dns_encoder
          @_gantry_shape = shape(spec)
        end

        # OpenStructs are slow to make and most templates ask for none. What comes out late is what would have been made
        # at once: of the shape that the spec had then, with the very strings that p and link give.
        def spec
          @spec ||= openstruct(@_gantry_shape, BackCompatOpenStruct)
        end

        def properties
          @properties ||= openstruct(@_gantry_shape['properties'] || {})
        end

        # Tells whether a template has changed what the next one would see.
        def ==(other)
          other.is_a?(EvaluationContext) && same_given?(other) && same_made?(other)
        end

        def get_binding
          binding
        end

        def link(name)
          found = lookup_property(@links, name)
          raise UnknownLink, name unless usable?(found)

          EvaluationLink.new(found, @dns_encoder)
        end

        def if_link(name)
          found = lookup_property(@links, name)
          return ActiveElseBlock.new(self) unless usable?(found)

          yield EvaluationLink.new(found, @dns_encoder)
          InactiveElseBlock.new
        end

        protected

        attr_reader :_gantry_shape

        def made
          [@spec, @properties]
        end

        private

        def same_given?(other)
          Gantry.same?(@_gantry_shape, other._gantry_shape) && Gantry.same?(@raw_properties, other.raw_properties)
        end

        # What neither has made, neither has changed.
        def same_made?(other)
          mine = made
          theirs = other.made
          (mine[0] || theirs[0] ? Gantry.same?(spec, other.spec) : true) &&
            (mine[1] || theirs[1] ? Gantry.same?(properties, other.properties) : true)
        end

        # The same strings and numbers in maps and lists of its own.
        def shape(object)
          case object
          when Hash then object.transform_values { |value| container?(value) ? shape(value) : value }
          when Array then object.map { |item| container?(item) ? shape(item) : item }
          end
        end

        def property_source
          @raw_properties
        end

        # A link without instances is one that the manifest blocked.
        def usable?(link)
          !link.nil? && link.key?('instances')
        end

        def openstruct(object, struct = OpenStruct)
          case object
          when Hash then struct.new(object.transform_values { |item| container?(item) ? openstruct(item, struct) : item })
          when Array then object.map { |item| container?(item) ? openstruct(item, struct) : item }
          else object
          end
        end

        def container?(value)
          Hash === value || Array === value
        end

        # Old templates ask `spec.methods(false)` for the names of fields.
        class BackCompatOpenStruct < OpenStruct
          def methods(regular = true)
            regular ? super(regular) : to_h.keys.map(&:to_sym)
          end
        end

        # What if_p and if_link give back when they did not yield: the rest of the chain is still open.
        class ActiveElseBlock
          def initialize(reader)
            @reader = reader
          end

          def else
            yield
          end

          def else_if_p(*names, &block)
            @reader.if_p(*names, &block)
          end

          def else_if_link(name, &block)
            @reader.if_link(name, &block)
          end
        end

        # And when they did: everything behind is skipped.
        class InactiveElseBlock
          def else; end

          def else_if_p(*)
            self
          end

          def else_if_link(*)
            self
          end
        end
      end
    end
  end

  # Releases older than bosh-common's own namespace name these.
  Template = Common::Template unless const_defined?(:Template)
end

# ActiveSupport's blank?, present? and presence: templates have been able to call them for years.
class Object
  def blank?
    respond_to?(:empty?) ? !!empty? : !self
  end

  def present?
    !blank?
  end

  def presence
    self if present?
  end

  def to_openstruct
    self
  end
end

class String
  def blank?
    match?(/\A[[:space:]]*\z/)
  end
end

class Array
  def to_openstruct
    map(&:to_openstruct)
  end
end

class Hash
  def to_openstruct
    OpenStruct.new(transform_values(&:to_openstruct))
  end

  def recursive_merge(other)
    merge(other) { |_, mine, theirs| [mine, theirs].all?(Hash) ? mine.recursive_merge(theirs) : theirs }
  end
end

module Gantry
  # Names that bosh-dns resolves: "q-a1s3.group.network.deployment.bosh", or in short form "q-n1s3.q-g7.bosh".
  # The numbers are the director's and come as tables, since nothing in here can ask for them.
  class DnsQueries
    HEALTH = { 'healthy' => 3, 'unhealthy' => 1, 'all' => 4, 'default' => 0 }.freeze
    CHECKS = { 'synchronous' => 'y1', 'asynchronous' => 'y0' }.freeze

    def initialize(tables)
      @tables = tables
    end

    def encode_query(criteria, short)
      host = criteria[:uuid].nil? || short ? "q-#{slug(criteria, short)}" : criteria[:uuid]
      [host, *(short ? [group(criteria)] : long(criteria)), criteria[:root_domain]].join('.')
    end

    private

    def slug(criteria, short)
      parts = (criteria[:azs] || []).compact.map { |az| "a#{number('azs', 'AZ', az)}" }
      if short
        parts << "m#{number('instances', 'instance UUID', criteria[:uuid])}" unless criteria[:uuid].nil?
        network = criteria[:default_network]
        parts << "n#{number('networks', 'Network', network)}" unless network.nil?
      end
      parts << CHECKS[criteria[:initial_health_check]]
      parts << "s#{HEALTH.fetch(criteria[:status], 0)}"
      parts.compact.sort.join
    end

    def number(table, what, name)
      @tables.fetch(table, {}).fetch(name) { raise "Unknown #{what}: '#{name}'" }
    end

    def group(criteria)
      key = criteria.values_at(:group_type, :group_name, :deployment_name)
      found = @tables.fetch('groups', []).find { |*tuple, _id| tuple == key }
      raise "Unknown DNS group: #{key.join(' ')}" if found.nil?

      "q-g#{found.last}"
    end

    def long(criteria)
      criteria.values_at(:group_name, :default_network, :deployment_name).map { |name| canonical(name) }
    end

    def canonical(name)
      text = name.downcase.tr('_', '-').gsub(/[^a-z0-9-]/, '')
      raise "Invalid DNS canonical name '#{text}', cannot start or end with a hyphen" if text.match?(/\A-|-\z/)

      text
    end
  end
end
