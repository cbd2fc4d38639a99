module Gantry
  # From here on Ruby's own `==` compares, which ends where a structure holds itself.
  SAME_DEPTH_MAX = 100

  # What `a == b` tells. In WebAssembly each map that Ruby's own compares unwinds the whole stack: twenty times as slow.
  def self.same?(a, b, depth = 0)
    return true if a.equal?(b)

    case depth < SAME_DEPTH_MAX && a
    when Hash then Hash === b && same_maps?(a, b, depth + 1)
    when Array then Array === b && same_lists?(a, b, depth + 1)
    when OpenStruct then OpenStruct === b && same_maps?(a.to_h!, b.to_h!, depth + 1) # `!`: a field may be called to_h
    else a == b
    end
  end

  def self.same_maps?(a, b, depth)
    keys = a.keys
    return false if keys.length != b.length

    at = -1
    while (at += 1) < keys.length
      key = keys[at]
      return false unless b.key?(key) && same?(a.fetch(key), b.fetch(key), depth)
    end
    true
  end

  def self.same_lists?(a, b, depth)
    return false if a.length != b.length

    at = -1
    at += 1 while at + 1 < a.length && same?(a[at + 1], b[at + 1], depth)
    at + 1 == a.length
  end
  private_class_method :same_maps?, :same_lists?
end
