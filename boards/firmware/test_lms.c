/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The verifier against RFC 8554, appendix F, test case 1: its first signature (tree H5, one-time W8) over the
 * second level's public key, and its second one over the message. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "common/lms.h"

#define LEN 1292 /* 4 + 4 + 32 + 34 * 32 + 4 + 5 * 32 */

static const char root_key[] = "0000000500000004" /* types */
                               "61a5d57d37f5e46bfb7520806b07a1b8"
                               "50650e3b31fe4a773ea29a07f09cf2ea30e579f0df58ef8e298da0434cb2b878";

static const char leaf_key[] = "0000000500000004d2f14ff6346af964"
                               "569f7d6cb880a1b66c5004917da6eafe4d9ef6c6407b3db0e5485b122d9ebe15"
                               "cda93cfec582d7ab";

static const char root_signature[] = "0000000500000004d32b56671d7eb98833c49b433c272586bc4a1c8a"
                                     "8970528ffa04b966f9426eb9965a25bfd37f196b9073f3d4a232feb69128ec45"
                                     "146f86292f9dff9610a7bf95a64c7f60f6261a62043f86c70324b7707f5b4a8a"
                                     "6e19c114c7be866d488778a0e05fd5c6509a6e61d559cf1a77a970de927d60c7"
                                     "0d3de31a7fa0100994e162a2582e8ff1b10cd99d4e8e413ef469559f7d7ed12c"
                                     "838342f9b9c96b83a4943d1681d84b15357ff48ca579f19f5e71f18466f2bbef"
                                     "4bf660c2518eb20de2f66e3b14784269d7d876f5d35d3fbfc7039a462c716bb9"
                                     "f6891a7f41ad133e9e1f6d9560b960e7777c52f060492f2d7c660e1471e07e72"
                                     "655562035abc9a701b473ecbc3943c6b9c4f2405a3cb8bf8a691ca51d3f6ad2f"
                                     "428bab6f3a30f55dd9625563f0a75ee390e385e3ae0b906961ecf41ae073a059"
                                     "0c2eb6204f44831c26dd768c35b167b28ce8dc988a3748255230cef99ebf14e7"
                                     "30632f27414489808afab1d1e783ed04516de012498682212b07810579b25036"
                                     "5941bcc98142da13609e9768aaf65de7620dabec29eb82a17fde35af15ad238c"
                                     "73f81bdb8dec2fc0e7f932701099762b37f43c4a3c20010a3d72e2f606be108d"
                                     "310e639f09ce7286800d9ef8a1a40281cc5a7ea98d2adc7c7400c2fe5a101552"
                                     "df4e3cccfd0cbf2ddf5dc6779cbbc68fee0c3efe4ec22b83a2caa3e48e0809a0"
                                     "a750b73ccdcf3c79e6580c154f8a58f7f24335eec5c5eb5e0cf01dcf44394240"
                                     "95fceb077f66ded5bec73b27c5b9f64a2a9af2f07c05e99e5cf80f00252e39db"
                                     "32f6c19674f190c9fbc506d826857713afd2ca6bb85cd8c107347552f30575a5"
                                     "417816ab4db3f603f2df56fbc413e7d0acd8bdd81352b2471fc1bc4f1ef296fe"
                                     "a1220403466b1afe78b94f7ecf7cc62fb92be14f18c2192384ebceaf8801afdf"
                                     "947f698ce9c6ceb696ed70e9e87b0144417e8d7baf25eb5f70f09f016fc925b4"
                                     "db048ab8d8cb2a661ce3b57ada67571f5dd546fc22cb1f97e0ebd1a65926b123"
                                     "4fd04f171cf469c76b884cf3115cce6f792cc84e36da58960c5f1d760f32c12f"
                                     "aef477e94c92eb75625b6a371efc72d60ca5e908b3a7dd69fef0249150e3eebd"
                                     "fed39cbdc3ce9704882a2072c75e13527b7a581a556168783dc1e97545e31865"
                                     "ddc46b3c957835da252bb7328d3ee2062445dfb85ef8c35f8e1f3371af34023c"
                                     "ef626e0af1e0bc017351aae2ab8f5c612ead0b729a1d059d02bfe18efa971b73"
                                     "00e882360a93b025ff97e9e0eec0f3f3f13039a17f88b0cf808f488431606cb1"
                                     "3f9241f40f44e537d302c64a4f1f4ab949b9feefadcb71ab50ef27d6d6ca8510"
                                     "f150c85fb525bf25703df7209b6066f09c37280d59128d2f0f637c7d7d7fad4e"
                                     "d1c1ea04e628d221e3d8db77b7c878c9411cafc5071a34a00f4cf07738912753"
                                     "dfce48f07576f0d4f94f42c6d76f7ce973e9367095ba7e9a3649b7f461d9f9ac"
                                     "1332a4d1044c96aefee67676401b64457c54d65fef6500c59cdfb69af7b6dddf"
                                     "cb0f086278dd8ad0686078dfb0f3f79cd893d314168648499898fbc0ced5f95b"
                                     "74e8ff14d735cdea968bee7400000005d8b8112f9200a5e50c4a262165bd342c"
                                     "d800b8496810bc716277435ac376728d129ac6eda839a6f357b5a04387c5ce97"
                                     "382a78f2a4372917eefcbf93f63bb59112f5dbe400bd49e4501e859f885bf073"
                                     "6e90a509b30a26bfac8c17b5991c157eb5971115aa39efd8d564a6b90282c316"
                                     "8af2d30ef89d51bf14654510a12b8a144cca1848cf7da59cc2b3d9d0692dd2a2"
                                     "0ba3863480e25b1b85ee860c62bf5136";

static const char leaf_signature[] = "0000000a000000040703c491e7558b35011ece3592eaa5da"
                                     "4d918786771233e8353bc4f62323185c95cae05b899e35dffd71705470620998"
                                     "8ebfdf6e37960bb5c38d7657e8bffeef9bc042da4b4525650485c66d0ce19b31"
                                     "7587c6ba4bffcc428e25d08931e72dfb6a120c5612344258b85efdb7db1db9e1"
                                     "865a73caf96557eb39ed3e3f426933ac9eeddb03a1d2374af7bf771855774562"
                                     "37f9de2d60113c23f846df26fa942008a698994c0827d90e86d43e0df7f4bfcd"
                                     "b09b86a373b98288b7094ad81a0185ac100e4f2c5fc38c003c1ab6fea479eb2f"
                                     "5ebe48f584d7159b8ada03586e65ad9c969f6aecbfe44cf356888a7b15a3ff07"
                                     "4f771760b26f9c04884ee1faa329fbf4e61af23aee7fa5d4d9a5dfcf43c4c26c"
                                     "e8aea2ce8a2990d7ba7b57108b47dabfbeadb2b25b3cacc1ac0cef346cbb90fb"
                                     "044beee4fac2603a442bdf7e507243b7319c9944b1586e899d431c7f91bcccc8"
                                     "690dbf59b28386b2315f3d36ef2eaa3cf30b2b51f48b71b003dfb08249484201"
                                     "043f65f5a3ef6bbd61ddfee81aca9ce60081262a00000480dcbc9a3da6fbef5c"
                                     "1c0a55e48a0e729f9184fcb1407c31529db268f6fe50032a363c9801306837fa"
                                     "fabdf957fd97eafc80dbd165e435d0e2dfd836a28b354023924b6fb7e48bc0b3"
                                     "ed95eea64c2d402f4d734c8dc26f3ac591825daef01eae3c38e3328d00a77dc6"
                                     "57034f287ccb0f0e1c9a7cbdc828f627205e4737b84b58376551d44c12c3c215"
                                     "c812a0970789c83de51d6ad787271963327f0a5fbb6b5907dec02c9a90934af5"
                                     "a1c63b72c82653605d1dcce51596b3c2b45696689f2eb382007497557692caac"
                                     "4d57b5de9f5569bc2ad0137fd47fb47e664fcb6db4971f5b3e07aceda9ac130e"
                                     "9f38182de994cff192ec0e82fd6d4cb7f3fe00812589b7a7ce51544045643301"
                                     "6b84a59bec6619a1c6c0b37dd1450ed4f2d8b584410ceda8025f5d2d8dd0d217"
                                     "6fc1cf2cc06fa8c82bed4d944e71339ece780fd025bd41ec34ebff9d4270a322"
                                     "4e019fcb444474d482fd2dbe75efb20389cc10cd600abb54c47ede93e08c114e"
                                     "db04117d714dc1d525e11bed8756192f929d15462b939ff3f52f2252da2ed64d"
                                     "8fae88818b1efa2c7b08c8794fb1b214aa233db3162833141ea4383f1a6f120b"
                                     "e1db82ce3630b3429114463157a64e91234d475e2f79cbf05e4db6a9407d72c6"
                                     "bff7d1198b5c4d6aad2831db61274993715a0182c7dc8089e32c8531deed4f74"
                                     "31c07c02195eba2ef91efb5613c37af7ae0c066babc69369700e1dd26eddc0d2"
                                     "16c781d56e4ce47e3303fa73007ff7b949ef23be2aa4dbf25206fe45c20dd888"
                                     "395b2526391a724996a44156beac808212858792bf8e74cba49dee5e8812e019"
                                     "da87454bff9e847ed83db07af313743082f880a278f682c2bd0ad6887cb59f65"
                                     "2e155987d61bbf6a88d36ee93b6072e6656d9ccbaae3d655852e38deb3a2dcf8"
                                     "058dc9fb6f2ab3d3b3539eb77b248a661091d05eb6e2f297774fe6053598457c"
                                     "c61908318de4b826f0fc86d4bb117d33e865aa805009cc2918d9c2f840c4da43"
                                     "a703ad9f5b5806163d7161696b5a0adc00000005d5c0d1bebb06048ed6fe2ef2"
                                     "c6cef305b3ed633941ebc8b3bec9738754cddd60e1920ada52f43d055b5031ce"
                                     "e6192520d6a5115514851ce7fd448d4a39fae2ab2335b525f484e9b40d6a4a96"
                                     "9394843bdcf6d14c48e8015e08ab92662c05c6e9f90b65a7a6201689999f32bf"
                                     "d368e5e3ec9cb70ac7b8399003f175c40885081a09ab3034911fe125631051df"
                                     "0408b3946b0bde790911e8978ba07dd56c73e7ee";

static const char message[] =
    "The powers not delegated to the United States by the Constitution, nor prohibited by it to "
    "the States, are reserved to the States respectively, or to the people.\n";

static uint8_t key[LMS_PUBLIC_LEN], signature[LEN], below[LMS_PUBLIC_LEN];

static void decode(const char *hex, uint8_t *out, size_t len)
{
    cr_assert_eq(strlen(hex), 2 * len);
    for (size_t i = 0; i < len; i++) {
        char two[3] = {hex[2 * i], hex[2 * i + 1], 0};
        out[i] = (uint8_t)strtoul(two, NULL, 16);
    }
}

static void take_leaf(void)
{
    decode(leaf_key, key, sizeof key);
    decode(leaf_signature, signature, sizeof signature);
}

static bool verified(void)
{
    return lms_verify(key, message, sizeof message - 1, signature, sizeof signature);
}

Test(lms, the_signature_of_the_message_is_good, .init = take_leaf)
{
    cr_expect(verified());
}

Test(lms, the_signature_of_the_lower_key_is_good)
{
    decode(root_key, key, sizeof key);
    decode(root_signature, signature, sizeof signature);
    decode(leaf_key, below, sizeof below);
    cr_expect(lms_verify(key, below, sizeof below, signature, sizeof signature));
    below[40] ^= 1;
    cr_expect(!lms_verify(key, below, sizeof below, signature, sizeof signature));
}

Test(lms, no_bit_of_the_signature_may_flip, .init = take_leaf)
{
    for (size_t i = 0; i < sizeof signature; i++) {
        signature[i] ^= (uint8_t)(1u << (i % 8));
        cr_expect(!verified(), "byte %zu", i);
        signature[i] ^= (uint8_t)(1u << (i % 8));
    }
    cr_expect(verified());
}

Test(lms, no_bit_of_the_key_may_flip, .init = take_leaf)
{
    for (size_t bit = 0; bit < 8 * sizeof key; bit++) {
        key[bit / 8] ^= (uint8_t)(1u << bit % 8);
        cr_expect(!verified(), "bit %zu", bit);
        key[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

Test(lms, no_bit_of_the_message_may_flip, .init = take_leaf)
{
    char text[sizeof message];
    memcpy(text, message, sizeof text);
    for (size_t i = 0; i < sizeof text - 1; i++) {
        text[i] ^= 4;
        cr_expect(!lms_verify(key, text, sizeof text - 1, signature, sizeof signature), "byte %zu", i);
        text[i] ^= 4;
    }
    cr_expect(!lms_verify(key, text, sizeof text - 2, signature, sizeof signature), "shorter");
    cr_expect(!lms_verify(key, text, sizeof text, signature, sizeof signature), "longer");
}

Test(lms, only_the_exact_length_is_a_signature, .init = take_leaf)
{
    uint8_t longer[LEN + 1] = {0};
    memcpy(longer, signature, LEN);
    for (size_t len = 0; len <= sizeof longer; len++) {
        uint8_t *exact = malloc(len + 1); /* so that a sanitizer sees a read beyond */
        memcpy(exact, longer, len);
        cr_expect_eq(lms_verify(key, message, sizeof message - 1, exact, len), len == LEN, "%zu bytes", len);
        free(exact);
    }
}
