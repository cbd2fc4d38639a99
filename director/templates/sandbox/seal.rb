# Run in a new WebAssembly VM behind the other programs, before its snapshot is taken: takes away what would only pretend
# to work, and connects the server. The walls are on the other side (vm.ts): nothing in Ruby could be one.

# In WebAssembly these return as if they had done something.
module Kernel
  def self.refuse_processes(name)
    define_method(name) { |*| raise NotImplementedError, "#{name}: a template cannot start programs" }
    define_singleton_method(name) { |*| raise NotImplementedError, "#{name}: a template cannot start programs" }
  end
  %i[system ` spawn exec fork].each { |name| refuse_processes(name) }
  singleton_class.undef_method(:refuse_processes)
end
class IO
  def self.popen(*)
    raise NotImplementedError, 'popen: a template cannot start programs'
  end
end
module Process
  %i[spawn exec fork].each do |name|
    define_singleton_method(name) { |*| raise NotImplementedError, "#{name}: a template cannot start programs" }
  end
end

Object.send(:remove_const, :JS) if defined?(JS)
# Loading it again would reach the cut bridge, which costs the whole VM; like this it is a NameError.
$LOADED_FEATURES.push('js.rb', 'js.so')

# Requests and answers take the three descriptors that there are; the build's embedded library has the numbers from 3 on.
# What a template prints goes nowhere.
GANTRY_JOB_SERVER = begin
  files = { 0 => 'rb', 1 => 'wb', 2 => 'wb' }.map { |fd, mode| IO.for_fd(fd, mode, autoclose: false) }
  files.each { |file| file.sync = true }
  Gantry::JobServer.new(*files)
end

module Gantry
  class Nowhere < StringIO
    def write(*parts)
      parts.sum { |part| part.to_s.bytesize }
    end
  end
end
%i[STDIN STDOUT STDERR].each { |name| Object.send(:remove_const, name) }
$VERBOSE = nil
$stdin = STDIN = StringIO.new
$stdout = STDOUT = Gantry::Nowhere.new
$stderr = STDERR = Gantry::Nowhere.new
GC.start
