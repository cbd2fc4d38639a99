# Serves jobs with the Ruby of the machine: `ruby native.rb`, one line on standard input per job, requests on file 3,
# answers on 4, progress on 5. Each job has a process of its own, since templates can change the Ruby that they run in.
%w[libraries open-structs sameness context source serve].each { |file| require_relative file }

requests = IO.for_fd(3, 'rb')
answers = IO.for_fd(4, 'wb')
progress = IO.for_fd(5, 'wb')
answers.sync = progress.sync = true

while $stdin.gets
  pid = fork do
    server = Gantry::JobServer.new(requests, answers, progress)
    nil while server.serve_one
    exit!(true)
  end
  _, status = Process.wait2(pid)
  exit!(false) unless status.success?
end
