#include "store/log_format.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iomanip>
#include <sstream>

#include "base/core/crc32c.h"
#include "base/hex.h"
#include "store/crc32c.h"
#include "store/encoding.h"
#include "store/log_cursors.h"
#include "store/test_machine.h"

namespace dunlin::store {
namespace {

TEST(Crc32c, MatchesRfc3720) {
  std::vector<std::uint8_t> bytes(32, 0);
  EXPECT_EQ(crc32c(0, bytes), 0x8A9136AAU);
  bytes.assign(32, 0xFF);
  EXPECT_EQ(crc32c(0, bytes), 0x62A8AB43U);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i);
  EXPECT_EQ(crc32c(0, bytes), 0x46DD794EU);
  EXPECT_EQ(crc32c_portable(0, bytes), 0x46DD794EU);
}

TEST(Crc32c, InstructionAndTableAgreeInAnyPieces) {
  SeededRng rng(3);
  for (int round = 0; round < 200; ++round) {
    std::vector<std::uint8_t> bytes(rng.below(300));
    rng.fill(bytes);
    const std::size_t cut = rng.below(bytes.size() + 1);
    const std::uint32_t whole = crc32c_portable(0, bytes);
    EXPECT_EQ(crc32c(0, bytes), whole);
    EXPECT_EQ(crc32c(crc32c(0, ByteView{bytes}.first(cut)), ByteView{bytes}.subspan(cut)), whole);
  }
}

TEST(LogFormat, RecordsAreBoundToTheirPlace) {
  std::vector<std::uint8_t> bytes(kRecordHeaderBytes + 5);
  encode_record(17, 42, 9, as_bytes("hello"), bytes.data());
  const Frame frame = parse_frame(17, 42, bytes);
  ASSERT_EQ(frame.type, Frame::Type::record);
  EXPECT_EQ(frame.size, bytes.size());
  EXPECT_EQ(frame.record.kind, 9U);
  EXPECT_EQ(as_text(frame.record.bytes), "hello");
  EXPECT_EQ(parse_frame(17, 43, bytes).type, Frame::Type::damaged);
  EXPECT_EQ(parse_frame(18, 42, bytes).type, Frame::Type::damaged);
  EXPECT_EQ(parse_frame(17, 42, ByteView{bytes}.first(13)).type, Frame::Type::incomplete);
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    auto flipped = bytes;
    flipped[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    EXPECT_NE(parse_frame(17, 42, flipped).type, Frame::Type::record) << "bit " << bit;
  }
}

TEST(LogFormat, FindsGroupsAtAnyOffset) {
  std::vector<std::uint8_t> bytes(100, 0x47);
  encode_group_header(5, {.first = 10, .bytes = 1, .count = 1}, bytes.data() + 31);
  EXPECT_EQ(find_group(5, 10, bytes), 31U);
  EXPECT_EQ(find_group(5, 11, bytes), std::nullopt);
  EXPECT_EQ(find_group(6, 10, bytes), std::nullopt);
}

TEST(LogFormat, NamesOfSegments) {
  EXPECT_EQ(segment_name(42), "00000000000000000042.segment");
  EXPECT_EQ(parse_segment_name("00000000000000000042.segment"), 42U);
  EXPECT_EQ(parse_segment_name("18446744073709551615.segment"), ~0ULL);
  for (const char* name :
       {"next.segment", "42.segment", "0000000000000000004x.segment", "99999999999999999999.segment",
        "00000000000000000000.segment", "00000000000000000042.segmen"}) {
    EXPECT_EQ(parse_segment_name(name), std::nullopt) << name;
  }
}

TEST(LogFormat, LaterVersionsAreUnsupported) {
  auto bytes = encode_segment_header({.salt = 1});
  bytes[8] = 2;
  store_number(bytes.data() + 28, crc32c(0, ByteView{bytes}.first(28)));
  EXPECT_EQ(decode_segment_header(bytes).error().code, Errc::unsupported);
}

/// The bytes of a dump in a page of docs/formats: lines "    offset: hex hex ...  text" under the heading.
std::string documented(const std::string& page, const std::string& heading) {
  std::ifstream file(std::string{DUNLIN_SOURCE_DIR} + "/docs/formats/" + page);
  std::string line;
  while (std::getline(file, line) && line != heading) {
  }
  std::string hex;
  while (std::getline(file, line) && !line.starts_with("#")) {
    if (!line.starts_with("    ") || line.size() < 11 || line[10] != ':') continue;
    for (const char c : line.substr(11, 49)) {
      if (c != ' ') hex.push_back(c);
    }
  }
  return hex;
}

std::string dump(std::string_view bytes) {
  std::ostringstream out;
  for (std::size_t at = 0; at < bytes.size(); at += 16) {
    const std::string_view part = bytes.substr(at, 16);
    out << "    " << std::hex << std::setw(6) << std::setfill('0') << at << ":";
    for (const char c : part) out << ' ' << to_hex(as_bytes(std::string_view{&c, 1}));
    out << '\n';
  }
  return out.str();
}

TEST(LogFormat, TheDocumentedBytesAreTheWrittenOnes) {
  TestMachine machine;
  auto log = open_log(machine.environment(), {.folder = "j"}).value();
  int answered = 0;
  log->on_answered([&](Position, const Result<void>& result) { answered += result ? 1 : 0; });
  ASSERT_TRUE(log->append(1, as_bytes("21.5")));
  ASSERT_TRUE(log->append(2, as_bytes("open")));
  machine.settle();
  ASSERT_TRUE(log->append(1, as_bytes("21.6")));
  log->set_cursor("rules", 2);
  log->flush([&](Result<void> result) { answered += result ? 1 : 0; });
  machine.settle();
  ASSERT_EQ(answered, 3);  // two groups and the flush
  const std::string segment = read_file(machine.fs, "j/" + segment_name(1)).value();
  const std::string cursors = read_file(machine.fs, "j/cursors").value();
  const std::string used = segment.substr(0, segment.find_last_not_of('\0') + 1);
  EXPECT_EQ(to_hex(as_bytes(used)), documented("journal.md", "## A segment")) << dump(used);
  EXPECT_EQ(to_hex(as_bytes(cursors)), documented("journal.md", "## The cursors")) << dump(cursors);
}

TEST(LogFormat, DocumentedBytesOpen) {
  TestMachine machine;
  const auto bytes = from_hex(documented("journal.md", "## A segment")).value();
  const auto cursors = from_hex(documented("journal.md", "## The cursors")).value();
  ASSERT_TRUE(machine.fs.create_folders("j"));
  ASSERT_TRUE(write_file_atomically(machine.fs, "j/" + segment_name(1), bytes));
  ASSERT_TRUE(write_file_atomically(machine.fs, "j/cursors", cursors));
  const auto log = open_log(machine.environment(), {.folder = "j"}).value();
  const auto records = log->read(0, 10, 1000).value();
  ASSERT_EQ(records.size(), 3U);
  EXPECT_EQ(text_of(records[2]), "21.6");
  EXPECT_EQ(log->cursor("rules").value(), 2U);
}

TEST(LogCursors, DecodesOnlyWhatItEncoded) {
  LogCursors cursors;
  cursors.set("a", 1);
  cursors.set("bb", 22);
  const auto bytes = cursors.encode(7);
  const auto decoded = LogCursors::decode(bytes);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->kept_from, 7U);
  EXPECT_EQ(decoded->cursors.find("bb"), 22U);
  EXPECT_EQ(decoded->cursors.least(), 1U);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(LogCursors::decode(ByteView{bytes}.first(size)));
  }
}

}  // namespace
}  // namespace dunlin::store
