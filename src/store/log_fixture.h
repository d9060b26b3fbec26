#pragma once
// For tests: a journal on a virtual machine.

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "store/log.h"
#include "store/log_format.h"
#include "store/test_machine.h"

namespace dunlin::store {

class LogTest : public testing::Test {
 protected:
  LogTest() {
    options_.folder = "journal/0";
    options_.segment_bytes = 4096;
  }

  void open() {
    LogEnvironment environment = machine_.environment();
    environment.broken = [this](const Error& error) { broken_.push_back(error.code); };
    auto opened = open_log(std::move(environment), options_);
    ASSERT_TRUE(opened) << opened.error().message;
    log_ = *std::move(opened);
  }
  void reopen() {
    log_.reset();
    machine_.restart_process();
    open();
  }
  Errc open_error() {
    auto opened = open_log(machine_.environment(), options_);
    return opened ? Errc::internal : opened.error().code;
  }

  Result<Position> append(std::string_view text, std::uint8_t kind = 1) {
    Result<Position> answer = fail(Errc::internal, "not answered");
    log_->append(kind, as_bytes(text), [&](Result<Position> result) { answer = std::move(result); });
    machine_.settle();
    return answer;
  }
  void append_many(int count, std::size_t size) {
    for (int i = 0; i < count; ++i) ASSERT_TRUE(append(std::string(size, static_cast<char>('a' + i % 26))));
  }
  Result<void> flush() {
    Result<void> answer = fail(Errc::internal, "not answered");
    log_->flush([&](Result<void> result) { answer = std::move(result); });
    machine_.settle();
    return answer;
  }
  std::vector<std::string> segments() {
    return files([](const std::string& name) { return parse_segment_name(name).has_value(); });
  }
  std::size_t spares() { return files(is_spare_name).size(); }
  std::vector<std::string> files(const std::function<bool(const std::string&)>& chosen) {
    std::vector<std::string> names = machine_.fs.list(options_.folder).value();
    std::erase_if(names, [&](const std::string& name) { return !chosen(name); });
    return names;
  }
  /// Without the zeros that are written ahead. Records end in a byte that is none here.
  std::uint64_t used_bytes(const std::string& name) {
    const std::string bytes = read_file(machine_.fs, options_.folder + "/" + name).value();
    return bytes.find_last_not_of('\0') + 1;
  }
  void damage(const std::string& name, std::uint64_t offset) {
    auto file = machine_.fs.open(options_.folder + "/" + name, OpenMode::read_write).value();
    std::vector<std::uint8_t> byte(1);
    ASSERT_EQ(file->read_at(offset, byte).value(), 1U);
    byte[0] ^= 0x40;
    ASSERT_TRUE(file->write_at(offset, byte));
  }

  TestMachine machine_;
  LogOptions options_;
  std::vector<Errc> broken_;
  std::unique_ptr<Log> log_;
};

}  // namespace dunlin::store
