// Text that travels compressed. Goal: what arrives is what was said, to the byte; only whoever
// takes gzip gets it; each form has a tag of its own. Method: requests as plain values, zlib's own
// inflate.
#include "server/http/compression.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <random>

#include "server/http/caching.h"

namespace vernissage::http {
namespace {

std::string inflated(const std::string& bytes, size_t size_max) {
  std::string out(size_max, '\0');
  z_stream stream{};
  EXPECT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  inflateEnd(&stream);
  return out;
}

Request taking(const std::string& codings) {
  Request request;
  request.method = "GET";
  if (!codings.empty()) request.fields.emplace_back("Accept-Encoding", codings);
  return request;
}

Response answer_of(const std::string& type, const std::string& body) {
  Response response;
  response.set("Content-Type", type);
  response.set("ETag", etag_of(body));
  response.body = body;
  return response;
}

TEST(Compression, WhatArrivesIsWhatWasSaid) {
  std::mt19937 random(7);
  for (const size_t size : {0, 1, 511, 512, 70000, 1000000}) {
    std::string noise(size, '\0');
    for (char& c : noise) c = static_cast<char>(random());
    for (const std::string& bytes : {noise, std::string(size, 'a')})
      EXPECT_TRUE(inflated(gzipped(bytes), size + 1) == bytes) << size;
  }
  EXPECT_EQ(gzipped("the same"), gzipped("the same"));
}

TEST(Compression, OnlyWhoTakesGzipGetsIt) {
  for (const char* codings : {"gzip", "deflate, gzip, br", "GZIP;q=0.5", "br ,\tgzip; q=1", "*",
                              "identity;q=0, *", "x-gzip"})
    EXPECT_TRUE(accepts_gzip(taking(codings))) << codings;
  for (const char* codings :
       {"", "br", "identity", "gzip;q=0", "gzip; q=0.000, *", "*;q=0", "gzipped", "deflate;gzip"})
    EXPECT_FALSE(accepts_gzip(taking(codings))) << codings;
}

TEST(Compression, EachFormHasItsOwnTagAndSaysWhatItDependsOn) {
  const std::string text(4000, 'x');
  Response plain = answer_of("text/html; charset=utf-8", text);
  Response packed = plain;
  compress(taking(""), &plain);
  compress(taking("gzip"), &packed);
  EXPECT_EQ(plain.body, text);
  EXPECT_FALSE(plain.field("Content-Encoding"));
  EXPECT_EQ(packed.field("Content-Encoding"), "gzip");
  EXPECT_LT(packed.body.size(), text.size());
  EXPECT_EQ(inflated(packed.body, text.size() + 1), text);
  EXPECT_NE(plain.field("ETag"), packed.field("ETag"));
  for (const Response& response : {plain, packed})
    EXPECT_EQ(response.field("Vary"), "Accept-Encoding");

  // Whoever has this very form is told so; whoever has the other one gets this one.
  const auto again = [&](std::string_view tag) {
    Request request = taking("gzip");
    request.fields.emplace_back("If-None-Match", tag);
    Response response = answer_of("text/html; charset=utf-8", text);
    compress(request, &response);
    return conditional(request, std::move(response), /*ranges=*/false).status;
  };
  EXPECT_EQ(again(*packed.field("ETag")), 304);
  EXPECT_EQ(again(*plain.field("ETag")), 200);
}

TEST(Compression, PicturesAndSmallAnswersStayAsTheyAre) {
  for (auto [type, size] :
       {std::pair("image/webp", 4000), std::pair("image/png", 4000),
        std::pair("application/octet-stream", 4000), std::pair("text/css", 40)}) {
    Response response = answer_of(type, std::string(static_cast<size_t>(size), 'x'));
    compress(taking("gzip"), &response);
    EXPECT_FALSE(response.field("Content-Encoding")) << type;
  }
  Response missing = answer_of("text/html", std::string(4000, 'x'));
  missing.status = 404;
  compress(taking("gzip"), &missing);
  EXPECT_FALSE(missing.field("Content-Encoding"));
}

// More than is kept: the oldest are compressed anew, and nothing is mixed up.
TEST(Compression, ManyDifferentPagesStayApart) {
  std::mt19937 random(11);
  std::vector<std::string> pages(40);
  for (std::string& page : pages)
    for (size_t i = 0; i < 600000; ++i) page += static_cast<char>(random());
  for (int round = 0; round < 2; ++round)
    for (const std::string& page : pages) {
      Response response = answer_of("text/plain", page);
      compress(taking("gzip"), &response);
      EXPECT_TRUE(inflated(response.body, page.size() + 1) == page);
    }
}

}  // namespace
}  // namespace vernissage::http
