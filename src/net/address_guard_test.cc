#include "net/address_guard.h"

#include <gtest/gtest.h>

#include "net/test_support.h"

namespace dunlin::net {
namespace {

bool lets_through(const AddressGuard& guard, const std::string& address,
                  std::string_view host = "some.example") {
  return !guard.refusal(host, {address, 80});
}

TEST(AddressGuardTest, OnlyTheInternetIsOpen) {
  const AddressGuard guard = *AddressGuard::make({});
  for (const char* inner : {"127.0.0.1",
                            "127.255.255.254",
                            "0.0.0.0",
                            "0.1.2.3",
                            "10.0.0.1",
                            "100.64.0.1",
                            "100.127.255.255",
                            "169.254.169.254",
                            "172.16.0.1",
                            "172.31.255.255",
                            "192.0.0.8",
                            "192.168.1.1",
                            "198.19.0.1",
                            "224.0.0.1",
                            "239.1.1.1",
                            "255.255.255.255",
                            "::1",
                            "::",
                            "::ffff:127.0.0.1",
                            "::ffff:10.0.0.1",
                            "::ffff:169.254.169.254",
                            "::127.0.0.1",
                            "64:ff9b::7f00:1",
                            "64:ff9b:1::1",
                            "100::1",
                            "fc00::1",
                            "fd00:ec2::254",
                            "fe80::1",
                            "fe80::1%lo",
                            "fec0::1",
                            "ff02::1",
                            "2001:db8::1",
                            "2002:7f00:1::",
                            "2001::1",
                            "3fff::1"})
    EXPECT_FALSE(lets_through(guard, inner)) << inner;
  for (const char* outer :
       {"1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.1", "172.15.0.1", "172.32.0.1", "192.167.0.1",
        "192.169.0.1", "223.255.255.255", "2606:4700::1111", "2a00:1450::1", "::ffff:8.8.8.8"})
    EXPECT_TRUE(lets_through(guard, outer)) << outer;
  for (const char* other : {"localhost", "unix:/run/dunlin/mqtt.sock", "", "0x7f.1", "2130706433"})
    EXPECT_FALSE(lets_through(guard, other)) << other;
}

TEST(AddressGuardTest, RangesAndHostsAreOpened) {
  const AddressGuard guard = *AddressGuard::make({"10.1.0.0/16", "fd00::/8", "127.0.0.1", "Hooks.example"});
  EXPECT_TRUE(lets_through(guard, "10.1.2.3"));
  EXPECT_TRUE(lets_through(guard, "::ffff:10.1.2.3"));
  EXPECT_FALSE(lets_through(guard, "10.2.0.1"));
  EXPECT_TRUE(lets_through(guard, "fd12::1"));
  EXPECT_TRUE(lets_through(guard, "127.0.0.1"));
  EXPECT_FALSE(lets_through(guard, "127.0.0.2"));
  EXPECT_TRUE(lets_through(guard, "192.168.1.1", "hooks.EXAMPLE"));
  EXPECT_FALSE(lets_through(guard, "192.168.1.1", "sub.hooks.example"));
}

TEST(AddressGuardTest, RefusesWhatIsNeitherAddressNorName) {
  for (const char* bad : {"", "10.1", "10.0.0.1/8", "300.1.1.1", "http://host", "a b", "10.0.0.0/33"}) {
    const auto made = AddressGuard::make({bad});
    ASSERT_FALSE(made) << bad;
    EXPECT_EQ(made.error().code, Errc::invalid_argument);
  }
  EXPECT_EQ(AddressGuard::make(std::vector<std::string>(kMaxGuardEntries + 1, "::1")).error().code,
            Errc::limit_exceeded);
}

TEST(AddressGuardTest, AConnectIsJudgedByTheAddressThatIsDialled) {
  test::Loop loop;
  test::EchoServer server;
  const auto listener = *loop.network.listen(loop.reactor, test::on_loopback(), server.acceptor());
  const auto dial = [&](const std::string& host, const std::vector<std::string>& open) {
    ConnectOptions options = test::to({host, listener->local().port});
    options.guard = std::make_shared<const AddressGuard>(*AddressGuard::make(open));
    std::optional<Result<std::unique_ptr<Connection>>> got;
    loop.network.connect(loop.reactor, options, [&](auto result) { got = std::move(result); });
    EXPECT_TRUE(loop.run_until([&] { return got.has_value(); }));
    return got->has_value() ? Error{Errc::internal, "connected"} : got->error();
  };
  EXPECT_EQ(dial("127.0.0.1", {}).code, Errc::permission_denied);
  EXPECT_EQ(dial("::ffff:127.0.0.1", {}).code, Errc::permission_denied);
  const Error named = dial("localhost", {});
  EXPECT_EQ(named.code, Errc::permission_denied);
  EXPECT_TRUE(named.message.contains("localhost")) << named.message;
  EXPECT_EQ(dial("127.0.0.1", {"127.0.0.1"}).message, "connected");
  EXPECT_EQ(dial("localhost", {"localhost"}).message, "connected");
}

}  // namespace
}  // namespace dunlin::net
