#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include "net/limits.h"
#include "net/tls_state.h"

namespace dunlin::net {
namespace {

SslSessionPointer session_with(std::string_view id) {
  static const SslContextPointer context(SSL_CTX_new(TLS_method()));
  SslSessionPointer session(SSL_SESSION_new());
  SSL_SESSION_set1_id(session.get(), as_bytes(id).data(), static_cast<unsigned>(id.size()));
  // Without a cipher there is nothing to serialise.
  SSL_SESSION_set_cipher(session.get(), sk_SSL_CIPHER_value(SSL_CTX_get_ciphers(context.get()), 0));
  return session;
}

TEST(TlsSessionStore, ForgetsTheOldest) {
  TlsSessionStore store;
  for (std::size_t i = 0; i <= kMaxTlsSessions; ++i) {
    const std::string id = std::to_string(i);
    ASSERT_TRUE(store.put(as_bytes(id), session_with(id)));
  }
  EXPECT_EQ(store.size(), kMaxTlsSessions);
  EXPECT_TRUE(store.get(as_bytes("0")).session.empty());
  EXPECT_FALSE(store.get(as_bytes("1")).session.empty());
}

TEST(TlsSessionStore, KeepsACopyWhenTheConnectionGoes) {
  TlsSessionStore store;
  const SslSessionPointer session = session_with("one");
  SSL_SESSION_up_ref(session.get());
  ASSERT_TRUE(store.put(as_bytes("one"), SslSessionPointer{session.get()}));
  const TlsSessionStore::Bytes shared = store.get(as_bytes("one")).session;
  ASSERT_FALSE(shared.empty());
  // Another object with the same id is not what is shared.
  store.let_go(*session_with("one"));
  store.let_go(*session);
  SSL_SESSION_set_time(session.get(), 1);
  EXPECT_EQ(store.get(as_bytes("one")).session, shared);
}

TEST(TlsSessionStore, TakesNoIdThatAServerDoesNotGive) {
  TlsSessionStore store;
  EXPECT_FALSE(store.put({}, session_with("a")));
  const std::string too_long(33, 'a');
  EXPECT_FALSE(store.put(as_bytes(too_long), session_with("a")));
  EXPECT_EQ(store.size(), 0U);
  EXPECT_TRUE(store.get(as_bytes(too_long)).session.empty());
}

}  // namespace
}  // namespace dunlin::net
