// The journal opened over segments and cursors that a broken disk or an enemy made up: an error or records,
// never a crash.
#include <algorithm>

#include "base/log.h"
#include "store/crc32c.h"
#include "store/encoding.h"
#include "store/log_cursors.h"
#include "store/log_format.h"
#include "store/test_machine.h"

namespace {

using namespace dunlin;
using namespace dunlin::store;

/// Gives the frames that the input describes valid checksums, so that the fuzzer gets behind them: a first
/// byte of 0 leaves the bytes as they are, other values repair the header and every record that fits.
std::vector<std::uint8_t> repaired(ByteView input) {
  std::vector<std::uint8_t> bytes = encode_segment_header({.salt = 1});
  Position position = 1;
  while (input.size() > 4) {
    const std::uint8_t choice = input[0];
    const std::size_t length = std::min<std::size_t>(input[1], input.size() - 4);
    const ByteView payload = input.subspan(4, length);
    if (choice < 60) {
      std::vector<std::uint8_t> record(kRecordHeaderBytes + length);
      encode_record(1, position++, input[2], payload, record.data());
      append_bytes(bytes, record);
    } else if (choice < 120) {
      std::vector<std::uint8_t> header(kGroupHeaderBytes);
      position = choice < 110 ? position : input[3];
      encode_group_header(1, {position, input[2] * 16U + input[3], input[2] % 8U}, header.data());
      append_bytes(bytes, header);
    } else if (choice < 140) {
      append_bytes(bytes, encode_link(1, {input[2], input[3]}));
    } else {
      append_bytes(bytes, payload);
    }
    input = input.subspan(4 + length);
  }
  return bytes;
}

void open_and_read(const std::vector<std::uint8_t>& segment, ByteView second) {
  TestMachine machine;
  static_cast<void>(machine.fs.create_folders("j"));
  static_cast<void>(write_file_atomically(machine.fs, "j/" + segment_name(1), segment));
  if (!second.empty()) static_cast<void>(write_file_atomically(machine.fs, "j/" + segment_name(9), second));
  auto log = open_log(machine.environment(), {.folder = "j", .segment_bytes = 65536});
  if (!log) return;
  Position after = 0;
  for (int turns = 0; turns < 1000; ++turns) {
    const auto records = (*log)->read(after, 3, 4096);
    if (!records || records->empty()) break;
    if (records->front().position <= after) std::abort();
    after = records->back().position;
  }
  int answered = 0;
  (*log)->on_answered([&](Position, const Result<void>& result) { answered += result ? 1 : 0; });
  if (!(*log)->append(1, as_bytes("on"))) std::abort();
  machine.settle();
  if (answered != 1) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  log::set_sink([](std::string_view) {});
  const ByteView input{data, size};
  static_cast<void>(LogCursors::decode(input));
  if (input.empty()) return 0;
  const std::size_t half = input[0] % 2 == 0 ? size : size / 2;
  open_and_read(repaired(input.first(half)), input.subspan(half));
  open_and_read({input.begin(), input.end()}, {});
  return 0;
}
