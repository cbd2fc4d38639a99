# What a director has loaded, and templates therefore use without asking for it.
if RUBY_PLATFORM.include?('wasm')
  Dir.glob('/usr/local/lib/ruby/gems/*/gems/*/lib') { |path| $LOAD_PATH.push(path) }

  # ipaddr asks for socket, which does not exist here, for a few constants and one look-up of names.
  $LOADED_FEATURES << 'socket.rb'
  class Socket
    AF_UNSPEC = 0
    AF_INET = 2
    AF_INET6 = 10
  end

  class SocketError < StandardError; end

  class IPSocket
    def self.getaddress(*)
      raise SocketError, 'a template has no network'
    end
  end
end

%w[
  base64 cgi/escape date delegate digest digest/sha1 digest/sha2 erb fileutils forwardable ipaddr json logger openssl
  ostruct pathname pp securerandom set shellwords singleton stringio strscan tempfile time tmpdir uri yaml zlib
].each do |library|
  require library
rescue LoadError
  # Not in this build of Ruby: the template that needs it will say so.
end
