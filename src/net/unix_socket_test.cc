#include "net/unix_socket.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "net/test_support.h"

namespace dunlin::net {
namespace {

namespace fs = std::filesystem;
using test::EchoServer;
using test::Loop;

class UnixSocket : public testing::Test {
 protected:
  UnixSocket() {
    std::string pattern = (fs::temp_directory_path() / "dunlin-socket-XXXXXX").string();
    folder = ::mkdtemp(pattern.data());
    path = folder / "mqtt.sock";
  }
  ~UnixSocket() override { fs::remove_all(folder); }

  Result<std::unique_ptr<Listener>> listen(unsigned mode = 0660) {
    ListenOptions options;
    options.endpoint = Endpoint::unix_socket(path.string());
    options.unix_mode = mode;
    return loop.network.listen(loop.reactor, options, [this](std::unique_ptr<Connection> connection) {
      peer = connection->peer();
      echo.add(std::move(connection));
    });
  }
  UniqueFd dial() const {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    UniqueFd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0)};
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) fd.reset();
    return fd;
  }
  unsigned mode_of_path() const {
    struct stat found{};
    EXPECT_EQ(::lstat(path.c_str(), &found), 0);
    return found.st_mode & 07777U;
  }

  fs::path folder;
  fs::path path;
  Loop loop;
  EchoServer echo;
  PeerInfo peer;
};

TEST_F(UnixSocket, CarriesBytesAndKnowsItsPeer) {
  const auto listener = listen();
  ASSERT_TRUE(listener.has_value()) << listener.error().message;
  EXPECT_EQ((*listener)->local().to_string(), "unix:" + path.string());
  const UniqueFd client = dial();
  ASSERT_TRUE(client.valid());
  ASSERT_EQ(::send(client.get(), "hello", 5, 0), 5);
  std::string received;
  ASSERT_TRUE(loop.run_until([&] {
    std::array<char, 16> piece{};
    const ssize_t got = ::recv(client.get(), piece.data(), piece.size(), 0);
    if (got > 0) received.append(piece.data(), static_cast<std::size_t>(got));
    return received.size() == 5;
  }));
  EXPECT_EQ(received, "hello");
  EXPECT_EQ(peer.transport, "unix");
  EXPECT_EQ(peer.address.to_string(), "unix:uid=" + std::to_string(::getuid()));
  EXPECT_TRUE(peer.address.is_loopback());
  EXPECT_EQ(peer.process, "pid=" + std::to_string(::getpid()) + " uid=" + std::to_string(::getuid()) +
                              " gid=" + std::to_string(::getgid()));
}

TEST_F(UnixSocket, HasExactlyItsMode) {
  const mode_t old = ::umask(0077);
  {
    const auto listener = listen();
    ASSERT_TRUE(listener.has_value());
    EXPECT_EQ(mode_of_path(), 0660U);
  }
  ::umask(0);
  {
    const auto listener = listen(0600);
    ASSERT_TRUE(listener.has_value());
    EXPECT_EQ(mode_of_path(), 0600U);
  }
  ::umask(old);
}

TEST_F(UnixSocket, IsGoneWhenTheListenerGoes) {
  {
    const auto listener = listen();
    ASSERT_TRUE(listener.has_value());
    EXPECT_TRUE(fs::exists(path));
  }
  EXPECT_FALSE(fs::exists(path));
  // What another has put in its place is left alone.
  {
    const auto listener = listen();
    ASSERT_TRUE(listener.has_value());
    fs::remove(path);
    std::ofstream(path) << "other";
  }
  EXPECT_TRUE(fs::exists(path));
}

TEST_F(UnixSocket, ReplacesALeftOverOnly) {
  // As after a crash: the name is there, nobody listens.
  UnixListeningSocket crashed = *open_unix_socket(path.string(), 0660, 1);
  const std::unique_ptr<UnixSocketFile> name = std::move(crashed.file);
  crashed.fd.reset();
  ASSERT_TRUE(fs::exists(path));
  const auto listener = listen();
  ASSERT_TRUE(listener.has_value()) << listener.error().message;
  EXPECT_TRUE(dial().valid());

  const auto second = listen();
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, Errc::unavailable);
  EXPECT_TRUE(dial().valid());
}

TEST_F(UnixSocket, RefusesPathsThatCannotBe) {
  std::ofstream(path) << "a file";
  const auto file = listen();
  ASSERT_FALSE(file.has_value());
  EXPECT_EQ(file.error().code, Errc::invalid_argument);
  EXPECT_TRUE(fs::is_regular_file(path));

  EXPECT_EQ(open_unix_socket("", 0660, 1).error().code, Errc::invalid_argument);
  EXPECT_EQ(open_unix_socket("/tmp/" + std::string(200, 'x'), 0660, 1).error().code, Errc::invalid_argument);
  EXPECT_EQ(open_unix_socket((folder / "no" / "such.sock").string(), 0660, 1).error().code,
            Errc::unavailable);
}

}  // namespace
}  // namespace dunlin::net
