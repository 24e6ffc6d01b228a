/**
 * The registry: one exported line a model, its name as torch.hub has it. A line costs nothing until it is called; a file
 * of `hub/` then makes the specification. Add a model here, in its family file and in `metadata.yaml`, nowhere else.
 */
import { family } from "./src/core/family.ts";

const dino = family(() => import("./hub/dino.ts"));
const moco = family(() => import("./hub/moco.ts"));
const mocov3 = family(() => import("./hub/mocov3.ts"));
const simsiam = family(() => import("./hub/simsiam.ts"));
const swav = family(() => import("./hub/swav.ts"));
const vissl = family(() => import("./hub/vissl.ts"));
const vicreg = family(() => import("./hub/vicreg.ts"));
const vicregl = family(() => import("./hub/vicregl.ts"));
const issl = family(() => import("./hub/issl.ts"));
const riskdec = family(() => import("./hub/riskdec.ts"));
const mmselfsup = family(() => import("./hub/mmselfsup.ts"));
const pycontrast = family(() => import("./hub/pycontrast.ts"));
const torchvision = family(() => import("./hub/torchvision.ts"));
const initialized = family(() => import("./hub/initialized.ts"));
const tiny = family(() => import("./hub/tiny.ts"));

// DINO
export const dino_rn50 = dino("resnet50");

// MoCo v1, v2
export const mocov1_rn50_ep200 = moco("v1_200ep");
export const mocov2_rn50_ep200 = moco("v2_200ep");
export const mocov2_rn50_ep800 = moco("v2_800ep");

// MoCo v3
export const mocov3_rn50_ep100 = mocov3("r50_100ep");
export const mocov3_rn50_ep300 = mocov3("r50_300ep");
export const mocov3_rn50_ep1000 = mocov3("r50_1000ep");

// SimSiam
export const simsiam_rn50_bs512_ep100 = simsiam("100ep");
export const simsiam_rn50_bs256_ep100 = simsiam("100ep_256bs");

// SwAV, DeepCluster-v2, SeLa-v2
export const swav_rn50 = swav("swav_800ep");
export const swav_rn50_ep100 = swav("swav_100ep");
export const swav_rn50_ep200 = swav("swav_200ep");
export const swav_rn50_ep200_bs256 = swav("swav_200ep_bs256");
export const swav_rn50_ep400 = swav("swav_400ep");
export const swav_rn50_ep400_2x224 = swav("swav_400ep_2x224");
export const swav_rn50_ep400_bs256 = swav("swav_400ep_bs256");
export const dc2_rn50_ep400_2x224 = swav("deepclusterv2_400ep_2x224");
export const dc2_rn50_ep400_2x160_4x96 = swav("deepclusterv2_400ep_2x160_4x96");
export const dc2_rn50_ep800_2x224_6x96 = swav("deepclusterv2_800ep_2x224_6x96");
export const selav2_rn50_ep400_2x224 = swav("selav2_400ep_2x224");
export const selav2_rn50_ep400_2x160_4x96 = swav("selav2_400ep_2x160_4x96");

// VISSL's model zoo
export const barlow_rn50 = vissl("barlow_1000ep");
export const barlow_rn50_ep300 = vissl("barlow_300ep");
export const mocov2_rn50_vissl = vissl("mocov2_200ep");
export const rotnet_rn50_in1k = vissl("rotnet_in1k");
export const rotnet_rn50_in22k = vissl("rotnet_in22k");
export const simclr_rn50 = vissl("simclr_1000ep");
export const simclr_rn50_ep200 = vissl("simclr_200ep");
export const simclr_rn50_ep400 = vissl("simclr_400ep");
export const simclr_rn50_ep800 = vissl("simclr_800ep");
export const simclr_rn50_bs4096_ep100 = vissl("simclr_100ep");
export const simclr_rn101 = vissl("simclr_r101_1000ep");
export const simclr_rn101_ep100 = vissl("simclr_r101_100ep");
export const jigsaw_rn50_in22k = vissl("jigsaw_in22k");
export const jigsaw_rn50 = vissl("jigsaw_in1k");
export const clusterfit_rn50 = vissl("clusterfit");
export const npid_rn50 = vissl("npid_200ep");
export const npidpp_rn50 = vissl("npidpp_800ep");
export const pirl_rn50 = vissl("pirl_800ep");
export const pirl_rn50_ep200 = vissl("pirl_200ep");
export const pirl_rn50_headMLP = vissl("pirl_800ep_headMLP");
export const pirl_rn50_ep200_headMLP = vissl("pirl_200ep_headMLP");

// VICReg
export const vicreg_rn50 = vicreg("resnet50");

// VICRegL
export const vicregl_rn50_alpha09 = vicregl("resnet50_alpha09");
export const vicregl_rn50_alpha075 = vicregl("resnet50_alpha075");

// DISSL
export const dissl_resnet50_dNone_e100_m2 = issl("dissl_dNone_e100_m2");
export const dissl_resnet50_dNone_e400_m2 = issl("dissl_dNone_e400_m2");
export const dissl_resnet50_dNone_e400_m6 = issl("dissl_dNone_e400_m6");

// the risk decomposition paper
export const dissl_resnet50_dNone_e100_m2_augLarge = riskdec("dissl_augLarge");
export const dissl_resnet50_dNone_e100_m2_augSmall = riskdec("dissl_augSmall");
export const dissl_resnet50_dNone_e100_m2_headTLinSLin = riskdec("dissl_headTLinSLin");
export const dissl_resnet50_dNone_e100_m2_headTMlpSMlp = riskdec("dissl_headTMlpSMlp");
export const simclr_resnet50_dNone_e100_m2 = riskdec("simclr_base");
export const simclr_resnet50_dNone_e100_m2_data010 = riskdec("simclr_data010");
export const simclr_resnet50_dNone_e100_m2_data030 = riskdec("simclr_data030");
export const simclr_resnet50_dNone_e100_m2_headTLinSLin = riskdec("simclr_headTLinSLin");
export const simclr_resnet50_dNone_e100_m2_headTMlpSLin = riskdec("simclr_headTMlpSLin");
export const simclr_resnet50_dNone_e100_m2_headTMlpSMlp = riskdec("simclr_headTMlpSMlp");
export const simclr_resnet50_dNone_e100_m2_headTNoneSNone = riskdec("simclr_headTNoneSNone");
export const speccl_resnet50_bs384_ep100 = riskdec("speccl");

// MMSelfSup's model zoo
export const relativeloc_rn50_70ep_mmselfsup = mmselfsup("relative_loc_70ep");
export const odc_rn50_440ep_mmselfsup = mmselfsup("odc_440ep");
export const densecl_rn50_200ep_mmselfsup = mmselfsup("densecl_200ep");
export const simsiam_rn50_bs256_ep200_mmselfsup = mmselfsup("simsiam_bs256_200ep");
export const simclr_rn50_bs256_ep200_mmselfsup = mmselfsup("simclr_bs256_200ep");
export const deepcluster_rn50_bs512_ep200_mmselfsup = mmselfsup("simclr_bs4096_200ep");

// InfoMin
export const infomin_rn50_200ep = pycontrast("infomin_200ep");
export const infomin_rn50_800ep = pycontrast("infomin_800ep");

// supervised
export const sup_rn50 = torchvision("resnet50");
export const sup_rn101 = torchvision("resnet101");

// random initialisation
export const init_rn50 = initialized("resnet50");
export const init_rn101 = initialized("resnet101");

// embedded: no download
export const tiny_ssl = tiny("ssl");
export const tiny_sup = tiny("sup");
export const tiny_init = tiny("init");
