/**
 * The registry: one exported line a model, its name as torch.hub has it. A line costs nothing until it is called; a file
 * of `hub/` then makes the specification. Add a model here, in its family file and in `metadata.yaml`, nowhere else.
 */
import { family } from "./src/core/family.ts";

const byol = family(() => import("./hub/byol.ts"));
const dino = family(() => import("./hub/dino.ts"));
const ibot = family(() => import("./hub/ibot.ts"));
const mugs = family(() => import("./hub/mugs.ts"));
const mae = family(() => import("./hub/mae.ts"));
const msn = family(() => import("./hub/msn.ts"));
const beit = family(() => import("./hub/beit.ts"));
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
const clip = family(() => import("./hub/clip.ts"));
const openclip = family(() => import("./hub/openclip.ts"));
const lossyless = family(() => import("./hub/lossyless.ts"));
const torchvision = family(() => import("./hub/torchvision.ts"));
const augreg = family(() => import("./hub/augreg.ts"));
const convnext = family(() => import("./hub/convnext.ts"));
const initialized = family(() => import("./hub/initialized.ts"));
const tiny = family(() => import("./hub/tiny.ts"));

// BYOL
export const byol_rn50_augCrop = byol("crop_only");
export const byol_rn50_augCropBlur = byol("crop_and_blur_only");
export const byol_rn50_augCropColor = byol("crop_and_color_only");
export const byol_rn50_augNocolor = byol("no_color");
export const byol_rn50_augNogray = byol("no_grayscale");
export const byol_rn50_bs64 = byol("batchsize_64");
export const byol_rn50_bs128 = byol("batchsize_128");
export const byol_rn50_bs256 = byol("batchsize_256");
export const byol_rn50_bs512 = byol("batchsize_512");
export const byol_rn50_bs1024 = byol("batchsize_1024");
export const byol_rn50_bs2048 = byol("batchsize_2048");
export const byol_rn50_bs4096 = byol("pretrain");

// DINO
export const dino_rn50 = dino("resnet50", "avgpool");
export const dino_vitS16_last = dino("vits16", "cls");
export const dino_vitS8_last = dino("vits8", "cls");
export const dino_vitB16_last = dino("vitb16", "cls");
export const dino_vitB8_last = dino("vitb8", "cls");
export const dino_vitS16 = dino("vits16", "4xcls");
export const dino_vitB16 = dino("vitb16", "cls+avg:interleaved");
export const dino_vitB8 = dino("vitb8", "cls+avg:interleaved");
export const dino_vitS16_extractB = dino("vits16", "cls+avg:interleaved");
export const dino_vitB16_extractS = dino("vitb16", "4xcls");

// iBOT
export const ibot_vitB16 = ibot("vitb_16", "cls");
export const ibot_vitS16 = ibot("vits_16", "cls");
export const ibot_vitL16 = ibot("vitl_16", "cls");
export const ibot_vitB16_extractB = ibot("vitb_16", "cls+avg:interleaved");
export const ibot_vitS16_extractS = ibot("vits_16", "4xcls");
export const ibot_vitL16_extractB = ibot("vitl_16", "cls+avg:interleaved");
export const ibot_vitL16_extractS = ibot("vitl_16", "4xcls");

// Mugs
export const mugs_vits16_ep100 = mugs("vits16_100ep", "cls");
export const mugs_vits16_ep300 = mugs("vits16_300ep", "cls");
export const mugs_vits16_ep800 = mugs("vits16_800ep", "cls");
export const mugs_vitb16_ep400 = mugs("vitb16_400ep", "cls");
export const mugs_vitl16_ep250 = mugs("vitl16_250ep", "cls");
export const mugs_vitl16_ep250_extractB = mugs("vitl16_250ep", "cls+avg:interleaved");
export const mugs_vitl16_ep250_extractS = mugs("vitl16_250ep", "4xcls");
export const mugs_vits16_ep800_extractS = mugs("vits16_800ep", "4xcls");
export const mugs_vitb16_ep400_extractB = mugs("vitb16_400ep", "cls+avg:interleaved");
export const mugs_vitb16_ep400_extractS = mugs("vitb16_400ep", "4xcls");

// MAE
export const mae_vitB16 = mae("base");
export const mae_vitL16 = mae("large");
export const mae_vitH14 = mae("huge");

// MSN
export const msn_vits16_ep800 = msn("vits16_800ep", "cls");
export const msn_vitb16_ep600 = msn("vitb16_600ep", "cls");
export const msn_vitb4_ep300 = msn("vitb4_300ep", "cls");
export const msn_vitb4_ep300_extractb = msn("vitb4_300ep", "cls+avg:interleaved");
export const msn_vitb4_ep300_extracts = msn("vitb4_300ep", "4xcls");
export const msn_vitl16_ep600 = msn("vitl16_600ep", "cls");
export const msn_vitl7_ep200 = msn("vitl7_200ep", "cls");
export const msn_vitl7_ep200_extractb = msn("vitl7_200ep", "cls+avg:interleaved");
export const msn_vitl7_ep200_extracts = msn("vitl7_200ep", "4xcls");

// BEiT v1, v2
export const beit_vitB16_pt22k = beit("base_pt22k", "cls");
export const beit_vitL16_pt22k = beit("large_pt22k", "cls");
export const beitv2_vitB16_pt1k_ep300 = beit("v2_base_pt1k_300e", "cls");
export const beitv2_vitB16_pt1k = beit("v2_base_pt1k", "cls");
export const beitv2_vitL16_pt1k = beit("v2_large_pt1k", "cls");
export const beitv2_vitB16_pt1k_extractB = beit("v2_base_pt1k", "cls+avg:interleaved");

// MoCo v1, v2
export const mocov1_rn50_ep200 = moco("v1_200ep");
export const mocov2_rn50_ep200 = moco("v2_200ep");
export const mocov2_rn50_ep800 = moco("v2_800ep");

// MoCo v3
export const mocov3_rn50_ep100 = mocov3("r50_100ep");
export const mocov3_rn50_ep300 = mocov3("r50_300ep");
export const mocov3_rn50_ep1000 = mocov3("r50_1000ep");
export const mocov3_vitS_ep300 = mocov3("vits_300ep");
export const mocov3_vitB_ep300 = mocov3("vitb_300ep");

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
export const swav_rn50w2 = swav("swav_w2_400ep");
export const swav_rn50w4 = swav("swav_w4_400ep");
export const swav_rn50w5 = swav("swav_w5_400ep");
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
export const simclr_rn50w2 = vissl("simclr_w2_1000ep");
export const simclr_rn50w2_ep100 = vissl("simclr_w2_100ep");
export const simclr_rn50w4 = vissl("simclr_w4_1000ep");
export const jigsaw_rn50_in22k = vissl("jigsaw_in22k");
export const jigsaw_rn50 = vissl("jigsaw_in1k");
export const clusterfit_rn50 = vissl("clusterfit");
export const npid_rn50 = vissl("npid_200ep");
export const npidpp_rn50 = vissl("npidpp_800ep");
export const npidpp_rn50w2 = vissl("npidpp_w2_800ep");
export const pirl_rn50 = vissl("pirl_800ep");
export const pirl_rn50_ep200 = vissl("pirl_200ep");
export const pirl_rn50_headMLP = vissl("pirl_800ep_headMLP");
export const pirl_rn50_ep200_headMLP = vissl("pirl_200ep_headMLP");
export const pirl_rn50w2 = vissl("pirl_w2_400ep");
export const pirl_rn50w2_headMLP = vissl("pirl_w2_400ep_headMLP");

// VICReg
export const vicreg_rn50 = vicreg("resnet50");
export const vicreg_rn50w2 = vicreg("resnet50x2");

// VICRegL
export const vicregl_rn50_alpha09 = vicregl("resnet50_alpha09");
export const vicregl_rn50_alpha075 = vicregl("resnet50_alpha075");
export const vicregl_convnexts_alpha09 = vicregl("convnext_small_alpha09");
export const vicregl_convnexts_alpha075 = vicregl("convnext_small_alpha075");
export const vicregl_convnextb_alpha09 = vicregl("convnext_base_alpha09");
export const vicregl_convnextb_alpha075 = vicregl("convnext_base_alpha075");
export const vicregl_convnextxl_alpha075 = vicregl("convnext_xlarge_alpha075");

// DISSL
export const dissl_resnet50_dNone_e100_m2 = issl("dissl_dNone_e100_m2");
export const dissl_resnet50_dNone_e400_m2 = issl("dissl_dNone_e400_m2");
export const dissl_resnet50_dNone_e400_m6 = issl("dissl_dNone_e400_m6");
export const dissl_resnet50_d8192_e100_m2 = issl("dissl_d8192_e100_m2");
export const dissl_resnet50_d8192_e400_m6 = issl("dissl_d8192_e400_m6");
export const dissl_resnet50_d8192_e800_m8 = issl("dissl_d8192_e800_m8");

// the risk decomposition paper
export const dissl_resnet50_dNone_e100_m2_augLarge = riskdec("dissl_augLarge");
export const dissl_resnet50_dNone_e100_m2_augSmall = riskdec("dissl_augSmall");
export const dissl_resnet50_dNone_e100_m2_headTLinSLin = riskdec("dissl_headTLinSLin");
export const dissl_resnet50_dNone_e100_m2_headTMlpSMlp = riskdec("dissl_headTMlpSMlp");
export const dissl_resnet50_d4096_e100_m2 = riskdec("dissl_d4096");
export const simclr_resnet50_dNone_e100_m2 = riskdec("simclr_base");
export const simclr_resnet50_d8192_e100_m2 = riskdec("simclr_d8192");
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

// CLIP
export const clip_rn50 = clip("RN50", "attnpool");
export const clip_rn50x4 = clip("RN50x4", "attnpool");
export const clip_rn50x16 = clip("RN50x16", "attnpool");
export const clip_rn50x64 = clip("RN50x64", "attnpool");
export const clip_rn101 = clip("RN101", "attnpool");
export const clip_vitB16 = clip("ViT-B/16", "cls");
export const clip_vitB32 = clip("ViT-B/32", "cls");
export const clip_vitL14 = clip("ViT-L/14", "cls");
export const clip_vitL14_px336 = clip("ViT-L/14@336px", "cls");
export const clip_vitL14_px336_extractPred = clip("ViT-L/14@336px", "proj");
export const clip_vitL14_px336_extractPredCls = clip("ViT-L/14@336px", "proj+cls");
export const clip_vitL14_px336_extractS = clip("ViT-L/14@336px", "4xcls");
export const clip_vitL14_px336_extractB = clip("ViT-L/14@336px", "cls+avg");

// OpenCLIP
export const openclip_vitB32 = openclip("ViT-B-32", "cls");
export const openclip_vitL14 = openclip("ViT-L-14", "cls");
export const openclip_vitH14 = openclip("ViT-H-14", "cls");
export const openclip_vitH14_extractPred = openclip("ViT-H-14", "proj");
export const openclip_vitH14_extractS = openclip("ViT-H-14", "4xcls");
export const openclip_vitH14_extractB = openclip("ViT-H-14", "cls+avg");
export const openclip_vitG14 = openclip("ViT-g-14", "cls");
export const openclip_vitG14_extractPred = openclip("ViT-g-14", "proj");
export const openclip_vitG14_extractS = openclip("ViT-g-14", "4xcls");
export const openclip_vitG14_extractB = openclip("ViT-g-14", "cls+avg");

// lossyless
export const lossyless_vitb32_b001 = lossyless("beta1e-02");
export const lossyless_vitb32_b005 = lossyless("beta5e-02");
export const lossyless_vitb32_b01 = lossyless("beta1e-01");

// supervised
export const sup_rn50 = torchvision("resnet50");
export const sup_rn101 = torchvision("resnet101");
export const sup_rn50w2 = torchvision("wide_resnet50_2");
export const sup_vitB8 = augreg("vitb8", "cls");
export const sup_vitB8_dino = augreg("vitb8", "cls+avg:interleaved");
export const sup_vitB16 = augreg("vitb16", "cls");
export const sup_vitB16_dino = augreg("vitb16", "cls+avg:interleaved");
export const sup_vitB16_dino_extractS = augreg("vitb16", "4xcls");
export const sup_vitB32 = augreg("vitb32", "cls");
export const sup_vitL16 = augreg("vitl16", "cls");
export const sup_vitS16 = augreg("vits16", "cls");
export const sup_vitS16_dino = augreg("vits16", "4xcls");
export const sup_vitS16_dino_extractB = augreg("vits16", "cls+avg:interleaved");
export const sup_convnextS = convnext("small");
export const sup_convnextB = convnext("base");

// random initialisation
export const init_rn50 = initialized("resnet50");
export const init_rn101 = initialized("resnet101");
export const init_rn50_d512 = initialized("resnet50_d512");
export const init_rn50_d1024 = initialized("resnet50_d1024");
export const init_rn50_d4096 = initialized("resnet50_d4096");
export const init_rn50_d8192 = initialized("resnet50_d8192");
export const init_rn50w2 = initialized("resnet50w2");
export const init_vitB8 = initialized("vitb8", "cls");
export const init_vitB8_dino = initialized("vitb8", "cls+avg:interleaved");
export const init_vitB16 = initialized("vitb16", "cls");
export const init_vitB16_dino = initialized("vitb16", "cls+avg:interleaved");
export const init_vitB16_dino_extractS = initialized("vitb16", "4xcls");
export const init_vitB32 = initialized("vitb32", "cls");
export const init_vitL16 = initialized("vitl16", "cls");
export const init_vitS16 = initialized("vits16", "cls");
export const init_vitS16_dino = initialized("vits16", "4xcls");
export const init_vitS16_dino_extractB = initialized("vits16", "cls+avg:interleaved");

// embedded: no download
export const tiny_ssl = tiny("ssl");
export const tiny_sup = tiny("sup");
export const tiny_init = tiny("init");
