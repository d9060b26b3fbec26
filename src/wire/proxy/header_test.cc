#include "wire/proxy/header.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "base/core/crc32c.h"

namespace dunlin::proxy {
namespace {

using Status = HeaderResult::Status;
using Bytes = std::vector<std::uint8_t>;

const Bytes kSignature{0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A};

Bytes operator+(Bytes left, const Bytes& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

Bytes text(std::string_view line) {
  const ByteView view = as_bytes(line);
  return {view.begin(), view.end()};
}

/// A header of version 2 around `block`.
Bytes binary(std::uint8_t command, std::uint8_t family, const Bytes& block) {
  return kSignature +
         Bytes{command, family, static_cast<std::uint8_t>(block.size() >> 8),
               static_cast<std::uint8_t>(block.size())} +
         block;
}

const Bytes kIpv4Block{192, 0, 2, 1, 198, 51, 100, 7, 0xC3, 0x50, 0x07, 0x5B};

Bytes field(std::uint8_t type, const Bytes& value) {
  return Bytes{type, static_cast<std::uint8_t>(value.size() >> 8), static_cast<std::uint8_t>(value.size())} +
         value;
}

/// A TCP4 header with `before`, a right checksum field and `after`.
Bytes with_checksum(const Bytes& before, const Bytes& after) {
  Bytes header = binary(0x21, 0x11, kIpv4Block + before + field(0x03, {0, 0, 0, 0}) + after);
  const std::uint32_t sum = crc32c_portable(0, header);
  const std::size_t at = header.size() - after.size() - 4;
  for (std::size_t i = 0; i < 4; ++i) header[at + i] = static_cast<std::uint8_t>(sum >> (24 - 8 * i));
  return header;
}

Header tcp4(std::uint8_t version) {
  Header header;
  header.version = version;
  header.family = Family::ipv4;
  header.transport = Transport::stream;
  header.source = {{192, 0, 2, 1}, 50000};
  header.destination = {{198, 51, 100, 7}, 1883};
  return header;
}

Header unspecified(std::uint8_t version, Header::Command command = Header::Command::proxy) {
  Header header;
  header.version = version;
  header.command = command;
  return header;
}

struct Golden {
  std::string name;
  Bytes bytes;
  Header header;
};

std::vector<Golden> golden() {
  Header tcp6;
  tcp6.version = 1;
  tcp6.family = Family::ipv6;
  tcp6.transport = Transport::stream;
  tcp6.source = {{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 65535};
  tcp6.destination = {
      {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, 0};
  Header binary6 = tcp6;
  binary6.version = 2;
  Header widest = tcp4(1);
  widest.source = widest.destination = {{255, 255, 255, 255}, 65535};
  Header datagram = tcp4(2);
  datagram.transport = Transport::datagram;
  Header paths = unspecified(2);
  paths.family = Family::local_socket;
  paths.transport = Transport::stream;
  Bytes block6(tcp6.source.bytes.begin(), tcp6.source.bytes.end());
  block6.insert(block6.end(), tcp6.destination.bytes.begin(), tcp6.destination.bytes.end());
  block6 = block6 + Bytes{0xff, 0xff, 0, 0};
  const Bytes alpn = field(0x01, text("mqtt"));
  return {
      {"v1_tcp4", text("PROXY TCP4 192.0.2.1 198.51.100.7 50000 1883\r\n"), tcp4(1)},
      // The longest line of each kind, from the specification's section 2.1.
      {"v1_tcp4_longest", text("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n"), widest},
      {"v1_tcp6", text("PROXY TCP6 2001:DB8::1 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 0\r\n"), tcp6},
      {"v1_unknown_short", text("PROXY UNKNOWN\r\n"), unspecified(1)},
      {"v1_unknown_longest",
       text("PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
            "65535 65535\r\n"),
       unspecified(1)},
      {"v2_tcp4", binary(0x21, 0x11, kIpv4Block), tcp4(2)},
      {"v2_udp4", binary(0x21, 0x12, kIpv4Block), datagram},
      {"v2_tcp6", binary(0x21, 0x21, block6), binary6},
      {"v2_unix", binary(0x21, 0x31, Bytes(216, 'p')), paths},
      {"v2_local", binary(0x20, 0x00, {}), unspecified(2, Header::Command::local)},
      {"v2_local_with_addresses", binary(0x20, 0x11, kIpv4Block), unspecified(2, Header::Command::local)},
      {"v2_unspec", binary(0x21, 0x00, Bytes(7, 0xAA)), unspecified(2)},
      {"v2_fields", binary(0x21, 0x11, kIpv4Block + alpn + field(0x04, Bytes(300, 0)) + field(0xEA, {})),
       tcp4(2)},
      {"v2_checksum", with_checksum(alpn, {}), tcp4(2)},
      {"v2_checksum_between", with_checksum(alpn, field(0x02, text("mqtt.example"))), tcp4(2)},
  };
}

std::vector<std::pair<std::string, Bytes>> refused() {
  Bytes wrong_sum = with_checksum({}, {});
  wrong_sum.back() ^= 1;
  Bytes wrong_address = with_checksum({}, {});
  wrong_address[16] ^= 1;
  Bytes many;
  for (std::size_t i = 0; i <= kMaxFields; ++i) many = many + field(0x04, {});
  const auto line = [](std::string_view words) { return text("PROXY " + std::string(words) + "\r\n"); };
  return {
      {"nothing of a header", {0x10, 0x20, 0, 4, 'M', 'Q', 'T', 'T'}},
      {"a TLS greeting", {0x16, 0x03, 0x01}},
      {"lower case", text("proxy ")},
      {"v1 without space", text("PROXY\r\n")},
      {"v1 too long", text("PROXY UNKNOWN " + std::string(kMaxLineBytes, 'x'))},
      {"v1 bare carriage return", text("PROXY UNKNOWN\rx")},
      {"v1 other protocol", line("UDP4 1.2.3.4 5.6.7.8 1 2")},
      {"v1 wrong family", line("TCP4 ::1 ::2 1 2")},
      {"v1 wrong family 6", line("TCP6 1.2.3.4 5.6.7.8 1 2")},
      {"v1 leading zero", line("TCP4 01.2.3.4 5.6.7.8 1 2")},
      {"v1 number past 255", line("TCP4 256.2.3.4 5.6.7.8 1 2")},
      {"v1 three numbers", line("TCP4 1.2.3 5.6.7.8 1 2")},
      {"v1 five numbers", line("TCP4 1.2.3.4.5 5.6.7.8 1 2")},
      {"v1 port past 65535", line("TCP4 1.2.3.4 5.6.7.8 65536 2")},
      {"v1 port with sign", line("TCP4 1.2.3.4 5.6.7.8 +1 2")},
      {"v1 port with leading zero", line("TCP4 1.2.3.4 5.6.7.8 01 2")},
      {"v1 two spaces", line("TCP4  1.2.3.4 5.6.7.8 1 2")},
      {"v1 trailing space", line("TCP4 1.2.3.4 5.6.7.8 1 2 ")},
      {"v1 more words", line("TCP4 1.2.3.4 5.6.7.8 1 2 3")},
      {"v1 fewer words", line("TCP4 1.2.3.4 5.6.7.8 1")},
      {"v1 two gaps", line("TCP6 1::2::3 ::2 1 2")},
      {"v1 nine groups", line("TCP6 1:2:3:4:5:6:7:8:9 ::2 1 2")},
      {"v1 seven groups", line("TCP6 1:2:3:4:5:6:7 ::2 1 2")},
      {"v1 gap for nothing", line("TCP6 1:2:3:4::5:6:7:8 ::2 1 2")},
      {"v1 long group", line("TCP6 12345::1 ::2 1 2")},
      {"v1 single colon", line("TCP6 :1::2 ::2 1 2")},
      {"v1 trailing colon", line("TCP6 1::2: ::2 1 2")},
      {"v1 zone", line("TCP6 fe80::1%eth0 ::2 1 2")},
      {"v2 version 1", binary(0x11, 0x11, kIpv4Block)},
      {"v2 version 3", binary(0x31, 0x11, kIpv4Block)},
      {"v2 unknown command", binary(0x22, 0x11, kIpv4Block)},
      {"v2 unknown family", binary(0x21, 0x41, kIpv4Block)},
      {"v2 unknown transport", binary(0x21, 0x13, kIpv4Block)},
      {"v2 short addresses", binary(0x21, 0x11, {1, 2, 3, 4})},
      {"v2 short paths", binary(0x21, 0x31, Bytes(215, 0))},
      {"v2 too long", kSignature + Bytes{0x21, 0x11, 0xff, 0xff}},
      {"v2 field cut off", binary(0x21, 0x11, kIpv4Block + Bytes{0x04, 0})},
      {"v2 field too long", binary(0x21, 0x11, kIpv4Block + Bytes{0x04, 0, 2, 0})},
      {"v2 too many fields", binary(0x21, 0x11, kIpv4Block + many)},
      {"v2 checksum of three bytes", binary(0x21, 0x11, kIpv4Block + field(0x03, {0, 0, 0}))},
      {"v2 wrong checksum", wrong_sum},
      {"v2 changed address", wrong_address},
  };
}

TEST(ProxyHeader, ReadsWhatTheSpecificationShows) {
  for (const Golden& one : golden()) {
    // What follows the header is not its own.
    const HeaderResult result = read_header(one.bytes + text("\x10 rest"));
    ASSERT_EQ(result.status, Status::complete) << one.name << ": " << result.why;
    EXPECT_EQ(result.length, one.bytes.size()) << one.name;
    EXPECT_EQ(result.header, one.header) << one.name;
  }
}

TEST(ProxyHeader, DoesNotDependOnHowTheBytesArrive) {
  for (const Golden& one : golden()) {
    for (std::size_t size = 0; size < one.bytes.size(); ++size)
      EXPECT_EQ(read_header(ByteView(one.bytes).first(size)).status, Status::need_more) << one.name << size;
  }
}

TEST(ProxyHeader, RefusesAndStaysWithIt) {
  for (const auto& [name, bytes] : refused()) {
    const HeaderResult whole = read_header(bytes);
    EXPECT_EQ(whole.status, Status::error) << name;
    EXPECT_FALSE(whole.why.empty()) << name;
    bool failed = false;
    for (std::size_t size = 0; size <= bytes.size(); ++size) {
      const Status status = read_header(ByteView(bytes).first(size)).status;
      EXPECT_NE(status, Status::complete) << name << size;
      EXPECT_FALSE(failed && status != Status::error) << name << size;
      failed = failed || status == Status::error;
    }
  }
}

TEST(ProxyHeader, NeverWaitsForMoreThanItsLimit) {
  const Bytes longest = binary(0x21, 0x00, Bytes(kMaxHeaderBytes - 16, 0));
  EXPECT_EQ(read_header(longest).status, Status::complete);
  const Bytes longer = binary(0x21, 0x00, Bytes(kMaxHeaderBytes - 15, 0));
  EXPECT_EQ(read_header(ByteView(longer).first(16)).status, Status::error);
  EXPECT_EQ(read_header(text("PROXY UNKNOWN " + std::string(kMaxLineBytes - 14, ' '))).status, Status::error);
}

TEST(ProxyHeader, TheCorpusHoldsEveryExample) {
  namespace fs = std::filesystem;
  const fs::path folder = fs::path(DUNLIN_SOURCE_DIR) / "src/wire/proxy/corpus";
  if (const char* target = std::getenv("DUNLIN_WRITE_CORPUS")) {
    for (const Golden& one : golden()) {
      std::ofstream(fs::path(target) / one.name, std::ios::binary)
          .write(reinterpret_cast<const char*>(one.bytes.data()),
                 static_cast<std::streamsize>(one.bytes.size()));
    }
  }
  for (const Golden& one : golden()) {
    std::ifstream file(folder / one.name, std::ios::binary);
    const std::string content{std::istreambuf_iterator<char>(file), {}};
    EXPECT_TRUE(content == as_text(one.bytes)) << one.name;
  }
}

}  // namespace
}  // namespace dunlin::proxy
