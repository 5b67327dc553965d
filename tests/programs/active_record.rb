# The tasks of README.md by ActiveRecord: a thread has a connection of its own from the pool.
require 'active_record'

ActiveRecord::Base.establish_connection(ENV.fetch('DATABASE_URL'))

class Seat < ActiveRecord::Base
  self.primary_key = 'seat_number'
end

class Note < ActiveRecord::Base; end
class Wait < ActiveRecord::Base; end

LONG = 8 * 1024 * 1024

def raw = ActiveRecord::Base.connection.raw_connection

def book(person, seat)
  Seat.transaction do
    found = Seat.find(seat)
    next false if found.booked_by

    found.update!(booked_by: person)
    true
  end
end

def books
  people = { 'alice' => 1, 'bob' => 6 }.map do |person, first|
    Thread.new do
      ActiveRecord::Base.connection_pool.with_connection do
        (first...first + 5).map { |seat| "#{seat}: #{book(person, seat) ? person : 'taken'}" }
      end
    end
  end
  puts people.flat_map(&:value)
  puts "3 is #{book('mallory', 3) ? 'free' : 'taken'}"
end

def count(below) = Seat.where('seat_number < ?', below).where.not(booked_by: nil).count

def note
  text = "0123456789abcde\n" * (LONG / 16)
  Note.create!(id: 1, note: text)
  loaded = Note.find(1).note
  puts "note #{loaded.length} #{loaded == text}"
end

def copy
  raw.copy_data('COPY lines FROM STDIN') do
    1000.times { |id| raw.put_copy_data("#{id}\tline #{id}\n") }
  end
  lines = []
  raw.copy_data('COPY (SELECT line FROM lines ORDER BY id) TO STDOUT') do
    while (line = raw.get_copy_data)
      lines << line.chomp
    end
  end
  puts "copied #{lines.length} #{lines.last}"
end

def work
  books
  puts "counts #{(1..11).map { |below| count(below) }.join(' ')}"
  # Bound, and so prepared: the statement stays the same, the value does not.
  puts "named #{(1..11).map { |seat| Seat.find(seat).booked_by || 'nobody' }.join(' ')}"
  note
  copy
  begin
    Seat.create!(seat_number: 1)
  rescue ActiveRecord::RecordNotUnique => error
    puts "again #{error.cause.result.error_field(PG::PG_DIAG_SQLSTATE)}"
  end
  puts "after it #{count(100)}"
end

def cancel
  connection = raw
  teller = Thread.new do
    $stdin.gets
    connection.cancel
  end
  begin
    Wait.where(id: 1).update_all(note: 'changed')
    puts 'not cancelled'
  rescue ActiveRecord::QueryCanceled => error
    puts "cancelled #{error.cause.result.error_field(PG::PG_DIAG_SQLSTATE)}"
  end
  teller.join
  puts "after it #{count(100)}"
end

def wait
  Seat.transaction do
    Seat.find(12).update!(booked_by: 'carol')
    Wait.find(1).update!(note: 'changed')
  end
end

send(ARGV.fetch(0))
